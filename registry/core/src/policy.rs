//! Policies of calls, which gateways hold calls against. `apply` decides how many there may be; what one says is read and
//! validated at the edge.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
