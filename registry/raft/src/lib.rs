//! Consensus: the registry's state machine behind a replicated log. A caller is told "done" only about what a majority
//! has on disk, and "not done" only about what can never come about.
//!
//! This is the only crate that names openraft; nothing of it shows in [`Registry`].

mod batch;
mod blank;
mod clock;
mod codec;
mod config;
#[cfg(test)]
mod conformance;
mod consensus_thread;
mod error;
mod log;
mod machine;
mod member_reports;
mod network;
mod observed;
pub mod offline;
mod proposer;
mod read_index;
mod recover;
mod registry;
mod snapshot;
mod store_handle;
mod time;
mod types;

pub use clock::Clock;
pub use config::{Config, Timings, VOTERS_MAX};
pub use error::{Error, ProposeError, ReadError, Stopped, Untaken};
pub use machine::{Compared, StateMark};
pub use network::{ClusterSecret, Credentials, MESSAGE_BYTES_MAX, MembersOnly, TransportService};
pub use proposer::{Held, PROPOSAL_BYTES_MAX, Prepare, QUEUE_BYTES_MAX, QUEUE_PROPOSALS_MAX, Term};
pub use registry::{
    ChangeError, LAG_MAX, LEARNERS_MAX, Leadership, PeerStatus, Registry, SnapshotError, Status,
    TakeNotice,
};

// What a caller needs beside a registry.
pub use registry_store::{DatabaseMemory, Memory, Options as StoreOptions, StoreView};
