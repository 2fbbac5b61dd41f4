//! Preconditions: what must be stored for a proposal to be decided at all (RFC 9110, section 13).
//! Whether one holds is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
