//! Logs of other clusters, of which this cluster is a witness.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
