//! What the crawler last saw of a record's agent or a peer.
//! Which sightings are kept is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
