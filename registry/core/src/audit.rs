//! The audit: who did what to the cluster, in lines that are only added. `apply` numbers the lines and chains them.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
