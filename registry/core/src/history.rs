//! The total order: every change since the last compaction has its line, and every watcher sees the same ones.
//! Lines are added by `draft` alone, and forgotten by `compact`.

pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod verify;
