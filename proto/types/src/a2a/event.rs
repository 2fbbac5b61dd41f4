//! What a server sends: events of a stream, and the answer to a message.
//!
//! Decides that a response holds exactly one thing. Must never decide their order.

use serde::Serialize;

use super::message::read_message;
use super::proto_json::{id, is_false, metadata, proto_json};
use super::task::{read_artifact, read_status, read_task};
use super::{Artifact, Message, Struct, Task, TaskStatus};
use crate::schema::{Object, Problem, Spot};

/// A task's status has changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatusUpdateEvent {
    /// The task.
    pub task_id: String,
    /// Its conversation.
    pub context_id: String,
    /// The new status.
    pub status: TaskStatus,
    /// Whatever the server adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

/// A task has made something, or more of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskArtifactUpdateEvent {
    /// The task.
    pub task_id: String,
    /// Its conversation.
    pub context_id: String,
    /// The artifact, or the piece of it.
    pub artifact: Artifact,
    /// To be appended to the artifact of the same id.
    #[serde(skip_serializing_if = "is_false")]
    pub append: bool,
    /// The last piece.
    #[serde(skip_serializing_if = "is_false")]
    pub last_chunk: bool,
    /// Whatever the server adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

/// One event of a stream, or of a push notification.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamResponse {
    /// The task as it is: a task's stream starts with this.
    Task(Task),
    /// The whole answer.
    Message(Message),
    /// A change of status.
    StatusUpdate(TaskStatusUpdateEvent),
    /// An artifact.
    ArtifactUpdate(TaskArtifactUpdateEvent),
}

/// The answer to `SendMessage`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SendMessageResponse {
    /// A task was made or went on.
    Task(Task),
    /// The whole answer.
    Message(Message),
}

impl StreamResponse {
    /// The state that the task is in after this event, if it says so.
    #[must_use]
    pub fn state(&self) -> Option<super::TaskState> {
        match self {
            Self::Task(task) => Some(task.status.state),
            Self::StatusUpdate(update) => Some(update.status.state),
            Self::Message(_) | Self::ArtifactUpdate(_) => None,
        }
    }
}

proto_json! {
    TaskStatusUpdateEvent: read_status_update;
    TaskArtifactUpdateEvent: read_artifact_update;
    StreamResponse: read_stream_response;
    SendMessageResponse: read_send_message_response;
}

fn read_status_update(spot: Spot<'_, '_>) -> Option<TaskStatusUpdateEvent> {
    read_status_update_of(spot, read_status)
}

/// The same of any version, each of which has a `status` of its own.
pub(super) fn read_status_update_of(
    spot: Spot<'_, '_>,
    read_status: impl FnOnce(Spot<'_, '_>) -> Option<TaskStatus>,
) -> Option<TaskStatusUpdateEvent> {
    let event = spot.object()?;
    let task_id = event.required("taskId", id);
    let context_id = event.required("contextId", id);
    let status = event.required("status", read_status);
    let metadata = metadata(&event);
    Some(TaskStatusUpdateEvent {
        task_id: task_id?,
        context_id: context_id?,
        status: status?,
        metadata: metadata?,
    })
}

fn read_artifact_update(spot: Spot<'_, '_>) -> Option<TaskArtifactUpdateEvent> {
    read_artifact_update_of(spot, read_artifact)
}

/// The same of any version, each of which has an `artifact` of its own.
pub(super) fn read_artifact_update_of(
    spot: Spot<'_, '_>,
    read_artifact: impl FnOnce(Spot<'_, '_>) -> Option<Artifact>,
) -> Option<TaskArtifactUpdateEvent> {
    let event = spot.object()?;
    let task_id = event.required("taskId", id);
    let context_id = event.required("contextId", id);
    let artifact = event.required("artifact", read_artifact);
    let append = event.or_default("append", Spot::boolean);
    let last_chunk = event.or_default("lastChunk", Spot::boolean);
    let metadata = metadata(&event);
    Some(TaskArtifactUpdateEvent {
        task_id: task_id?,
        context_id: context_id?,
        artifact: artifact?,
        append: append?,
        last_chunk: last_chunk?,
        metadata: metadata?,
    })
}

fn read_stream_response(spot: Spot<'_, '_>) -> Option<StreamResponse> {
    let response = spot.object()?;
    match only_one(&response, &KINDS)? {
        "task" => response.required("task", read_task).map(StreamResponse::Task),
        "message" => response.required("message", read_message).map(StreamResponse::Message),
        "statusUpdate" => {
            response.required("statusUpdate", read_status_update).map(StreamResponse::StatusUpdate)
        }
        _ => response
            .required("artifactUpdate", read_artifact_update)
            .map(StreamResponse::ArtifactUpdate),
    }
}

fn read_send_message_response(spot: Spot<'_, '_>) -> Option<SendMessageResponse> {
    let response = spot.object()?;
    match only_one(&response, &ANSWER_KINDS)? {
        "task" => response.required("task", read_task).map(SendMessageResponse::Task),
        _ => response.required("message", read_message).map(SendMessageResponse::Message),
    }
}

/// The kinds of an event.
pub(super) const KINDS: [&str; 4] = ["task", "message", "statusUpdate", "artifactUpdate"];

/// The kinds of an answer to a message.
pub(super) const ANSWER_KINDS: [&str; 2] = ["task", "message"];

/// The one of these kinds that is present.
pub(super) fn only_one(object: &Object<'_, '_>, kinds: &[&'static str]) -> Option<&'static str> {
    let mut present = kinds.iter().copied().filter(|name| object.member(name).is_some());
    match (present.next(), present.next()) {
        (Some(name), None) => Some(name),
        _ => object.fault(Problem::Value("an object with exactly one kind of response")),
    }
}
