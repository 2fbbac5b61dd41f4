//! Tokens that count once: those that were spent, and those that were used badly before they were spent.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod spent;
