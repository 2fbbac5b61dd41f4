//! Tasks, their states and what they make.
//!
//! Decides which states end or interrupt a task. Must never decide which state follows which.

use serde::Serialize;

use super::message::{read_message, read_parts};
use super::proto_json::{
    ANY, enumeration, id, implicit, implicit_id, metadata, print_timestamp, proto_json, texts,
    timestamp,
};
use super::{Message, Part, Struct};
use crate::schema::Spot;
use crate::time::WallMs;

/// A unit of work.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Chosen by the server.
    pub id: String,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it has made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What was said, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Message>,
    /// Whatever the server adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Its state.
    pub state: TaskState,
    /// What the agent says to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "print_timestamp")]
    pub timestamp: Option<WallMs>,
}

/// The states; the numbers are those of `a2a.proto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum TaskState {
    /// Accepted.
    #[serde(rename = "TASK_STATE_SUBMITTED")]
    Submitted = 1,
    /// Running.
    #[serde(rename = "TASK_STATE_WORKING")]
    Working = 2,
    /// Done. Terminal.
    #[serde(rename = "TASK_STATE_COMPLETED")]
    Completed = 3,
    /// Done with an error. Terminal.
    #[serde(rename = "TASK_STATE_FAILED")]
    Failed = 4,
    /// Canceled before it was done. Terminal.
    #[serde(rename = "TASK_STATE_CANCELED")]
    Canceled = 5,
    /// Waits for the user. Interrupted.
    #[serde(rename = "TASK_STATE_INPUT_REQUIRED")]
    InputRequired = 6,
    /// The agent will not do it. Terminal.
    #[serde(rename = "TASK_STATE_REJECTED")]
    Rejected = 7,
    /// Waits for a credential. Interrupted.
    #[serde(rename = "TASK_STATE_AUTH_REQUIRED")]
    AuthRequired = 8,
}

/// Something that a task has made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Its name within the task.
    pub artifact_id: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is: at least one part.
    pub parts: Vec<Part>,
    /// Whatever the agent adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
    /// URIs of the extensions that had a part in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

// In the order of the numbers, from 1.
crate::words!(TaskState {
    Submitted = "TASK_STATE_SUBMITTED",
    Working = "TASK_STATE_WORKING",
    Completed = "TASK_STATE_COMPLETED",
    Failed = "TASK_STATE_FAILED",
    Canceled = "TASK_STATE_CANCELED",
    InputRequired = "TASK_STATE_INPUT_REQUIRED",
    Rejected = "TASK_STATE_REJECTED",
    AuthRequired = "TASK_STATE_AUTH_REQUIRED",
});

impl TaskState {
    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }

    /// Whether it waits for somebody: a blocking call returns here too.
    #[must_use]
    pub const fn is_interrupted(self) -> bool {
        matches!(self, Self::InputRequired | Self::AuthRequired)
    }
}

impl TaskStatus {
    /// A state since then, without a message.
    #[must_use]
    pub fn new(state: TaskState, since: WallMs) -> Self {
        Self { state, message: None, timestamp: Some(since) }
    }
}

proto_json! {
    Task: read_task;
    TaskStatus: read_status;
    TaskState: read_state;
    Artifact: read_artifact;
}

pub(super) fn read_task(spot: Spot<'_, '_>) -> Option<Task> {
    read_task_of(spot, read_status, read_artifact, read_message)
}

/// The same of any version, each of which has a `status`, `artifacts` and messages of its own.
pub(super) fn read_task_of(
    spot: Spot<'_, '_>,
    read_status: impl FnOnce(Spot<'_, '_>) -> Option<TaskStatus>,
    read_artifact: impl Fn(Spot<'_, '_>) -> Option<Artifact>,
    read_message: impl Fn(Spot<'_, '_>) -> Option<Message>,
) -> Option<Task> {
    let task = spot.object()?;
    let task_id = task.required("id", id);
    let context_id = implicit_id(&task, "contextId");
    let status = task.required("status", read_status);
    let artifacts = task.or_default("artifacts", |spot| spot.list((0, ANY), read_artifact));
    let history = task.or_default("history", |spot| spot.list((0, ANY), read_message));
    let metadata = metadata(&task);
    Some(Task {
        id: task_id?,
        context_id: context_id?,
        status: status?,
        artifacts: artifacts?,
        history: history?,
        metadata: metadata?,
    })
}

pub(super) fn read_status(spot: Spot<'_, '_>) -> Option<TaskStatus> {
    let status = spot.object()?;
    let state = status.required("state", read_state);
    let message = status.optional("message", read_message);
    let timestamp = status.optional("timestamp", timestamp);
    Some(TaskStatus { state: state?, message: message?, timestamp: timestamp? })
}

pub(super) fn read_state(spot: Spot<'_, '_>) -> Option<TaskState> {
    enumeration(spot, "a TASK_STATE_ name", TaskState::ALL)
}

pub(super) fn read_artifact(spot: Spot<'_, '_>) -> Option<Artifact> {
    read_artifact_of(spot, read_parts)
}

/// The same of any version, each of which has `parts` of its own.
pub(super) fn read_artifact_of(
    spot: Spot<'_, '_>,
    read_parts: impl FnOnce(Spot<'_, '_>) -> Option<Vec<Part>>,
) -> Option<Artifact> {
    let artifact = spot.object()?;
    let artifact_id = artifact.required("artifactId", id);
    let name = implicit(&artifact, "name");
    let description = implicit(&artifact, "description");
    let parts = artifact.required("parts", read_parts);
    let metadata = metadata(&artifact);
    let extensions = artifact.or_default("extensions", texts);
    Some(Artifact {
        artifact_id: artifact_id?,
        name: name?,
        description: description?,
        parts: parts?,
        metadata: metadata?,
        extensions: extensions?,
    })
}
