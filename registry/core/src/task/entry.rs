//! A task of a hosted agent as it is stored: its state, and the lease epoch under which it is held. It holds digests of
//! bodies, never the bodies.

use proto_types::{
    ContextId, Digest, Endpoint, GatewayId, Handle, LeaseEpoch, NodeId, PushConfig, ReplySecret,
    Revision, TaskId, TaskOwner, TraceParent, WallMs, task,
};
use serde::{Deserialize, Serialize};

pub use proto_types::TaskEnd;

/// A task of a hosted agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// Its id, chosen by the gateway.
    pub id: TaskId,
    /// Its conversation.
    pub context: ContextId,
    /// Who runs it.
    pub agent: Handle,
    /// Who may see it: the caller's peer origin, or the operator.
    pub owner: TaskOwner,
    /// The caller's newest message, a body.
    pub input: Digest,
    /// What was said before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
    /// How long the bodies of `turns` are, together.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub turn_bytes: u64,
    /// Where its events go.
    pub reply_to: Option<ReplyTo>,
    /// Which gateway waits for it, and is told of its changes; `None` of the operator's, and of one from before these were
    /// told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayId>,
    /// The trace that its newest message is a part of; `None` where nobody records it, and in earlier entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceParent>,
    /// When it must have ended.
    pub deadline: WallMs,
    /// Where it stands.
    pub state: TaskState,
    /// The newest lease epoch handed out; `LeaseEpoch(0)` before the first.
    pub epoch: LeaseEpoch,
    /// How often it was placed.
    pub attempts: u32,
    /// True once its caller asked for its end.
    pub cancel_requested: bool,
    /// Whether it is found by its conversation; a task from before that was kept is not.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub in_context: bool,
    /// Whether its owner's share counts it while it is open; false of the operator's, and from before there were shares.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Whether its node's number of tasks counts it; false of one from before these were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// Whether it is in its owner's list; a task from before there were lists is in none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// How many bytes are counted as kept for it, with all that was said; `None` of one from before these were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where its changes are pushed to, as they were set. It is no fact that anybody watches: setting one is no change of the
    /// task, and takes no revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push: Vec<PushConfig>,
    /// When it was submitted.
    pub submitted_at: WallMs,
    /// When it last changed.
    pub changed_at: WallMs,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

/// A message of the caller, and how the agent asked for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The caller's message, a body.
    pub input: Digest,
    /// The outcome document with the agent's question, a body.
    pub outcome: Option<Digest>,
}

/// Where a node pushes a task's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The gateway that waits.
    pub gateway: GatewayId,
    /// Its event endpoint.
    pub endpoint: Endpoint,
    /// What proves to the gateway that a push is for this task.
    pub secret: ReplySecret,
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Waits for a node.
    Pending,
    /// On a node, under `TaskEntry::epoch`.
    Assigned {
        /// Which node.
        node: NodeId,
    },
    /// Over. The outcome body holds artifacts and the final message.
    Ended {
        /// How.
        end: TaskEnd,
        /// Under which epoch it was committed.
        epoch: LeaseEpoch,
        /// The outcome document (JSON), a body.
        outcome: Option<Digest>,
        /// Why, for ends that are not success: the node's reason, or the core's words around it.
        reason: Option<String>,
    },
}

impl TaskState {
    /// It in one word, as a task is told with it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => task::PENDING,
            Self::Assigned { .. } => task::ASSIGNED,
            Self::Ended { end, .. } => end.as_str(),
        }
    }
}
