//! Real processes of ours under real faults: started, killed, restarted, asked.
//! It decides how a world is laid out on disk; it must never reach into a process other than through its sockets,
//! its files and signals, and never end a process that it did not start.
//!
//! - *Pages*: `walkthrough.rs` takes commands and files out of a page of `docs/` and runs them in order;
//!   `tests/it/documents.rs` says which test follows which page.
//! - *Partitions*: `sandbox.rs` runs a test again in namespaces of its own; `hosts.rs` makes a host for each member there
//!   and cuts ways between them, each direction by itself (docs/decisions/0026-partitions-of-real-processes.md).
//!   `tests/it/partitions` plays the known partitions and draws others from a seed; `linear.rs` and `labels.rs` judge
//!   what clients were answered.
//! - *Disks and folders*: `disk.rs` has the syncs of one member fail; `tests/it/failing_disk.rs`, `folders.rs` and
//!   `bit_flips.rs` fill disks, swap folders and turn bits.
//! - *Clocks*: `world/clocks.rs` gives a process a clock that a test sets.
//! - *Noise*: `log.rs` counts what members log: no kind of line more than once a second.

pub mod clients;
pub mod disk;
pub mod documents;
pub mod hosts;
pub mod labels;
pub mod linear;
pub mod log;
pub mod peer;
pub mod process;
mod python;
pub mod sandbox;
pub mod sdk;
mod shim;
pub mod third_party;
pub mod walkthrough;
pub mod web;
pub mod world;

pub use world::World;
