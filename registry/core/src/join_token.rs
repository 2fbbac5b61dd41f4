//! Join tokens: invitations that admit one machine or peer, once.
//! Whether one is valid is decided in `apply`, which machine comes in with it in `machine`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod machine;
pub(crate) mod query;
pub(crate) mod table;
