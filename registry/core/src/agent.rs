//! Hosted agents: what our nodes run, and within which bounds. `apply` decides what a deployment may ask for.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod query;
pub(crate) mod table;
