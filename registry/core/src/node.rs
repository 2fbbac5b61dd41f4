//! Execution nodes: what each has measured of itself, and whether tasks may be placed on it. A node's lease is kept in
//! the leader's memory.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
