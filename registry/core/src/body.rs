//! Bodies: content by digest, kept as long as an entity names it.
//! Whether bytes are stored is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
pub(crate) mod verify;
