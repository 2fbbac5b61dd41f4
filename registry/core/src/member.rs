//! The cluster and its members: which numbers are in use, and which never again.
//! Who may be added to consensus is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
