//! The registry's core, tested at its boundary: commands in, writes and replies out.
#![allow(clippy::unwrap_used, reason = "tests")]

mod batches;
mod commands;
mod compaction;
mod envelopes;
mod fleet;
mod guide;
mod invariants;
mod liveness;
mod members;
mod partners;
mod peers;
mod records;
mod tasks;
mod tokens;
mod world;
