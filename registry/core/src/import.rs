//! Entries of other registries: where each came from, and which registry is the home of a handle.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod home;
pub(crate) mod query;
pub(crate) mod table;
pub(crate) mod withdraw;
