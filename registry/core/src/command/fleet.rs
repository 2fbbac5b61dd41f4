//! What may be asked about gateways and nodes.
//! Data only: it must never carry a credential or a join token, but their hashes.

use proto_types::{Digest, GatewayId, NodeId};
use serde::{Deserialize, Serialize};

use super::{Command, ContinueTask};
use crate::entry::{Capacity, NodeState};

/// What else may be asked about nodes and tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FleetCommand {
    /// Hands a task that asked for more its caller's next message.
    ContinueTask(ContinueTask),
    /// Has every joined node dial in: those that have no session count as silent from now on. A leader says it when it
    /// begins to lead; it changes nothing about nodes that were silent before.
    CallNodes,
    /// The node has a session: it is joined, and silent no more.
    HearNode(HearNode),
}

impl From<FleetCommand> for Command {
    fn from(command: FleetCommand) -> Self {
        Self::Fleet(command)
    }
}

/// Registers a gateway, spending its join token; with the same credential again it updates the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterGateway {
    /// Its name.
    pub id: GatewayId,
    /// Where nodes push events to.
    pub endpoint: String,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// SHA-256 of its join token.
    pub join: Digest,
}

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
