//! What else may be asked about nodes and tasks.
//! Data only.

use proto_types::{Digest, NodeId, TaskId, WallMs};
use serde::{Deserialize, Serialize};

use super::Command;
use crate::entry::{Capacity, ReplyTo};

/// A command about a node or a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FleetCommand {
    /// Hands a task that asked for more its caller's next message; the same message again is the same turn.
    ContinueTask {
        /// Which task.
        id: TaskId,
        /// Must own it.
        owner: String,
        /// The message, a body.
        input: Digest,
        /// Where its events go from now on.
        reply_to: Option<ReplyTo>,
        /// When it must have ended, or asked again.
        deadline: WallMs,
    },
    /// Has every joined node dial in: those that have no session count as silent from now on. A leader says it when it
    /// begins to lead; it changes nothing about nodes that were silent before.
    CallNodes,
    /// The node has a session: it is joined, and silent no more.
    HearNode {
        /// Which node.
        id: NodeId,
        /// What it measured.
        capacity: Capacity,
    },
}

impl From<FleetCommand> for Command {
    fn from(command: FleetCommand) -> Self {
        Self::Fleet(command)
    }
}
