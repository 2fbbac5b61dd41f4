//! Join tokens: invitations that admit one machine or peer, once. `apply` decides whether one is valid; `machine` admits
//! a machine with it.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod machine;
pub(crate) mod query;
pub(crate) mod table;
