//! Partners: other registries whose entries are taken in.
//! The terms, and how far each pull has come, are decided in `apply`; how pulls go, in `pulls`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod pulls;
pub(crate) mod query;
pub(crate) mod table;
