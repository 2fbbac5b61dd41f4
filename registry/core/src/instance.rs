//! Instances of Pilox that publish with a token of their own.
//! Which tenant keys are taken is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
