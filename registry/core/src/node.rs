//! Execution nodes: what each measured of itself, and whether tasks may be placed on it.
//! Which nodes are there is decided in `apply`; a lease itself lives in the leader's memory.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
