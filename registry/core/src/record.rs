//! Directory records: what the owner of an agent says of it, and where its card is. `apply` decides who may put one and
//! which version stands; a deleted record leaves a tombstone.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
