//! The commands about tasks. Messages and outcomes are bodies, which commands name by digest.

use proto_types::{
    ContextId, Digest, GatewayId, Handle, LeaseEpoch, NodeId, PushConfig, PushConfigId, Reason,
    TaskId, TaskOwner, TraceParent, WallMs,
};
use serde::{Deserialize, Serialize};

use crate::token::command::SpendToken;

use super::entry::{ReplyTo, TaskEnd};
use super::rank::Unplaced;

/// Submits a task; the same id with the same input is the same task, for which no token is spent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitTask {
    /// Its id.
    pub id: TaskId,
    /// Its conversation.
    pub context: ContextId,
    /// Who runs it; must be deployed.
    pub agent: Handle,
    /// Who may see it.
    pub owner: TaskOwner,
    /// The message, a body.
    pub input: Digest,
    /// Where its events go.
    pub reply_to: Option<ReplyTo>,
    /// When it must have ended.
    pub deadline: WallMs,
    /// Whether it takes a place of its owner's share; the operator has none. False in earlier logs.
    #[serde(default)]
    pub shared: bool,
    /// Whether the bytes that are kept for it are counted. False in earlier logs.
    #[serde(default)]
    pub metered: bool,
    /// Whether its node's number of tasks counts it. False in earlier logs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// Whether its owner's list has it. False in earlier logs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// The caller's token, spent with it. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SpendToken>,
    /// The node that has it at once, if it may run it: the leader names it. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Which gateway waits for it. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayId>,
    /// The trace that it is a part of, as the gateway hands it on. Absent in earlier logs, and where nobody records it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceParent>,
}

/// Hands a task that asked for more its caller's next message; the same message again is the same turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinueTask {
    /// Which task.
    pub id: TaskId,
    /// Must own it.
    pub owner: TaskOwner,
    /// The message, a body.
    pub input: Digest,
    /// Where its events go from now on.
    pub reply_to: Option<ReplyTo>,
    /// When it must have ended, or asked again.
    pub deadline: WallMs,
    /// Which gateway waits for it from now on. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayId>,
    /// The trace that it is a part of, as the gateway hands it on. Absent in earlier logs, and where nobody records it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceParent>,
}

/// Gives a pending task to a node under the next epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignTask {
    /// Which task.
    pub id: TaskId,
    /// Which node; must be joined.
    pub node: NodeId,
}

/// The node that has it will not, or can no longer, run it: back to pending, or failed after 5 attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseTask {
    /// Which task.
    pub id: TaskId,
    /// Under which epoch the node has it.
    pub epoch: LeaseEpoch,
    /// Why, for people.
    pub reason: Reason,
}

/// Commits the outcome, once, under the current epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteTask {
    /// Which task.
    pub id: TaskId,
    /// Who ran it.
    pub node: NodeId,
    /// Under which epoch.
    pub epoch: LeaseEpoch,
    /// How it ended.
    pub end: TaskEnd,
    /// The outcome document, a body.
    pub outcome: Option<Digest>,
    /// Why, for ends that are not success.
    pub reason: Option<Reason>,
}

/// Ends a task that nobody wants any more: at once if pending, through its node if assigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelTask {
    /// Which task.
    pub id: TaskId,
    /// Who asks, its owner; `None` for the operator.
    pub owner: Option<TaskOwner>,
}

/// Ends a task whose deadline has passed, whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireTask {
    /// Which task.
    pub id: TaskId,
    /// Why a pending one waits. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Unplaced>,
}

/// Sets where the changes of a task are pushed to, in the place of what the same name said before; also of a task that has
/// ended. Answers the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPushConfig {
    /// Which task.
    pub task: TaskId,
    /// Must own it.
    pub owner: TaskOwner,
    /// Where to.
    pub config: PushConfig,
}

/// Has no more changes of a task pushed there; what has none of this name stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePushConfig {
    /// Which task.
    pub task: TaskId,
    /// Must own it.
    pub owner: TaskOwner,
    /// Which of its configurations.
    pub config: PushConfigId,
}
