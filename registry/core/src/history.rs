//! The total order: every change since the last compaction has a line, and all watchers see the same lines. Only `draft`
//! adds lines, and only `compact` forgets them.

pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod verify;
