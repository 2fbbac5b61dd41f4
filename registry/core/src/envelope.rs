//! WAN envelopes in the queues of their targets, each known by its source and id. `apply` accepts them, `lease` hands
//! them out.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod lease;
pub(crate) mod query;
pub(crate) mod table;
