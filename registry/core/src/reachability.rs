//! Sightings: what the crawler last saw of a record's agent or of a peer.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
