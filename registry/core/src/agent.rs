//! Hosted agents: what our nodes run, and within which bounds.
//! What a deployment may ask for is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod query;
pub(crate) mod table;
