//! Tokens that count once: which were spent, and which were used badly before they were.
//! Which use of a token is the first is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod spent;
