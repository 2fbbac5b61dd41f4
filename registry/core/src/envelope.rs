//! WAN envelopes, in the queues of their targets.
//! Whether one is accepted is decided in `apply`, who delivers it in `lease`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod lease;
pub(crate) mod query;
pub(crate) mod table;
