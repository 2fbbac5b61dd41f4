//! The state's time: the greatest stamp that changed something, whatever a leader's clock says.
//! When it may be brought back is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod query;
