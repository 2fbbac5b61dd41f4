//! Real processes under real faults. One file a subject; each test has a world of its own.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod attached;
mod bit_flips;
mod certificates;
mod clocks;
mod command_line;
mod documents;
mod durability;
mod failing_disk;
mod first_day;
mod folders;
mod history;
mod keys;
mod kill_loop;
mod membership;
mod mixed_load;
mod node_folders;
mod outcomes;
mod partitions;
mod pauses;
mod placement;
mod restore;
mod sdk_interop;
mod single_use;
mod third_party;
mod traces;
mod write_gap;
mod writers;
