//! Bodies: the bytes of documents under their digest, kept as long as an entity names them.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
pub(crate) mod verify;
