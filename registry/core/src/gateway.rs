//! Gateways of the fleet: who lets peers in, and where nodes push events to.
//! Who may register is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
