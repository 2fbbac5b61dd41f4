//! WAN envelopes in the queues of their targets, each known by its source and id. `apply` accepts them, `lease` hands
//! them out and hears how that went, `dead` keeps those that nobody delivers.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod dead;
pub(crate) mod entry;
pub(crate) mod lease;
pub(crate) mod notification;
pub(crate) mod query;
mod queue;
pub(crate) mod table;
