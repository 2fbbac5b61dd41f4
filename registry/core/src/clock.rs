//! The state's time: the greatest stamp that has changed something. `apply` decides when it may be set back.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
