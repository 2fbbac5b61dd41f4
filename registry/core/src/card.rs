//! A2A cards: what an agent says of itself, signed or not.
//! Whose card is kept for a handle is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
