//! Directory records: what the owner of an agent says of it, and where its card is.
//! Who puts one, whose it is and which version stands is decided in `apply`; a deleted record leaves a tombstone.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
