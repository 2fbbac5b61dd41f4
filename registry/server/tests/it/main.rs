//! A real member of a cluster of one, on a free port, as its clients see it.
//!
//! It decides nothing about the registry; each file holds one part of its contract.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod admission;
mod artifacts;
mod attacks;
mod cluster;
mod contract;
mod directory_refusals;
mod envelopes;
mod fleet;
mod fleet_refusals;
mod meta;
mod peers;
mod records;
mod rest_refusals;
mod tokens;
mod visibility;
mod watch;
mod world;
