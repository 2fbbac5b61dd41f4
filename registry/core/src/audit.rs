//! The audit: who did what to the cluster, in lines that are only added.
//! A line's number and binding are decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
