//! The transparency log: what proposals have brought about, in a tree that only grows.
//! The order of leaves is decided in `apply`; proofs are made in `query`.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
