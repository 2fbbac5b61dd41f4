//! Partners: other registries whose entries are taken in. `apply` decides the terms and how far each pull has come;
//! `pulls` keeps how pulls go.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod pulls;
pub(crate) mod query;
pub(crate) mod table;
