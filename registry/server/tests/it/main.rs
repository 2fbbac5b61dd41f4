//! A real member of a cluster of one, on a free port, as its clients see it.
//!
//! It decides nothing about the registry; each file holds one part of its contract.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod artifacts;
mod cluster;
mod contract;
mod crawler;
mod directory_refusals;
mod envelopes;
mod federation;
mod fleet;
mod fleet_refusals;
mod liars;
mod meta;
mod peers;
mod records;
mod rest_refusals;
mod site;
mod tokens;
mod watch;
mod world;
