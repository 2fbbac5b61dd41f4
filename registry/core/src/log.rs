//! The transparency log: a Merkle tree of what proposals have changed, which only grows. `apply` orders the leaves,
//! `query` makes proofs.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod query;
pub(crate) mod rows;
