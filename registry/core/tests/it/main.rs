//! The registry's core, tested at its boundary: commands in, writes and replies out.
#![allow(clippy::unwrap_used, reason = "tests")]

mod agents;
mod batches;
mod commands;
mod compaction;
mod conduct;
mod envelopes;
mod epochs;
mod fleet;
mod golden;
mod guide;
mod invariants;
mod kept_bytes;
mod log;
mod members;
mod namespaces;
mod owner;
mod partners;
mod peer_log;
mod peer_manifests;
mod peer_requests;
mod peers;
mod policies;
mod push;
mod reachability;
mod records;
mod search;
mod search_world;
mod shapes;
mod submissions;
mod task_lists;
mod tasks;
mod tokens;
mod verify;
mod world;
