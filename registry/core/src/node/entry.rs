//! An execution node as it is stored. It holds the digest of its credential, never the credential.

use proto_types::{Digest, IsolationSet, NodeId, Revision, Slots, WallMs, words};
use serde::{Deserialize, Serialize};

/// An execution node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Its name.
    pub id: NodeId,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// What it measured of itself.
    pub capacity: Capacity,
    /// Whether tasks may be placed on it.
    pub state: NodeState,
    /// Since when no leader has heard it, by the state's time; `None` while it has a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<WallMs>,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

/// What a node offers, measured by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Runs at once.
    pub slots: Slots,
    /// Memory for all of them, bytes.
    pub memory_bytes: u64,
    /// Measured runs of an empty component per second.
    pub runs_per_second: u64,
    /// Isolation classes it measured.
    pub isolation: IsolationSet,
}

/// A node's committed liveness; the lease itself lives in the leader's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// Registered, no session yet, or its lease ran out.
    Lost,
    /// In session.
    Joined,
    /// In session, takes no new tasks.
    Draining,
}

words!(NodeState { Lost = "lost", Joined = "joined", Draining = "draining" });
