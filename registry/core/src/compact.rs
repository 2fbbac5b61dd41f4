//! Compaction: it forgets changes that no cursor may ask for any more, tasks that ended long ago, and bodies that nothing
//! names.

pub(crate) mod apply;
pub(crate) mod command;
