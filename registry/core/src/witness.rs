//! Other logs, of which this cluster is a witness.
//! Which head of a log was signed last is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
