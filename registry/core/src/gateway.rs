//! Gateways of the fleet: they let peers in, and nodes send them events. `apply` decides who may register.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
