//! Entries of other registries: where each came from, and whose home a handle has.
//! Whether one is taken over is decided in `apply`; when a handle comes home, in `home`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod home;
pub(crate) mod query;
pub(crate) mod table;
pub(crate) mod withdraw;
