//! A2A cards: what an agent says of itself, signed or not. `apply` decides whose card is kept for a handle.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
