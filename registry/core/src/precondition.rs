//! Preconditions: which version must be stored for a proposal to be decided at all (RFC 9110, section 13).

pub(crate) mod apply;
pub(crate) mod command;
