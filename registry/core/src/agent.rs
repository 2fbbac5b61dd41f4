//! Agents: what our nodes run, and within which bounds; and what runs elsewhere, and how gateways call it. `apply` decides
//! what a deployment may ask for.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod query;
mod stored;
pub(crate) mod table;
