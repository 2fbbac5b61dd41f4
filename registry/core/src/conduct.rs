//! Peers' conduct: what gateways report of it, and what it is worth.
//! Which reports count is decided in `apply`, the score in `reputation`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub mod reputation;
pub(crate) mod table;
