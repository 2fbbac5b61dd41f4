//! The commands about nodes. They carry hashes of credentials and join tokens, never these themselves.

use proto_types::{Digest, NodeId};
use serde::{Deserialize, Serialize};

use super::entry::{Capacity, NodeState};

/// Registers a node with what it measured, spending its join token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterNode {
    /// Its name.
    pub id: NodeId,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// What it measured.
    pub capacity: Capacity,
    /// SHA-256 of its join token.
    pub join: Digest,
}

/// Commits a transition of a node's liveness. `Lost` sends its tasks back to pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetNodeState {
    /// Which node.
    pub id: NodeId,
    /// Its new state.
    pub state: NodeState,
    /// Its capacity, measured anew.
    pub capacity: Option<Capacity>,
}

/// The node has a session: it is joined, and silent no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HearNode {
    /// Which node.
    pub id: NodeId,
    /// What it measured.
    pub capacity: Capacity,
}
