//! Instances of Pilox that publish with a token of their own. `apply` decides which tenant keys are taken.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub(crate) mod table;
