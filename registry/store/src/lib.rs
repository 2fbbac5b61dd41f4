//! Where a registry member keeps its log and its state: two RocksDB databases under one directory.
//! It decides how bytes reach the disk and when they are safe there; it must never look into a command, an entry or
//! a reply, and it must never acknowledge what is not on the disk.
//!
//! ```text
//! DIR/log/           column families `log` (index -> entry) and `raft` (vote, committed, last purged)
//! DIR/state-000001/  column families `state`, `bodies`, `index`, `changes` and `meta` (applied, membership)
//! DIR/CURRENT        the name of the state database in force
//! DIR/IDENTITY       whose directory this is: format, version, member, cluster
//! DIR/DAMAGED        says that the state in force is damaged; gone once another is in its place
//! DIR/set-aside/     what was found damaged; the operator deletes it
//! DIR/snapshots/     checkpoints, kept by `registry-raft`
//! ```
//! Why two databases: docs/decisions/0004-two-databases.md.

mod damage;
mod error;
mod files;
mod log;
mod memory;
mod options;
mod state;
mod store;
mod view;

pub use damage::{Damage, set_aside};
pub use error::Error;
pub use files::sync_dir;
pub use log::{Done, Log};
pub use memory::{DatabaseMemory, Memory};
pub use options::Options;
pub use store::{Identity, Store};
pub use view::StoreView;
