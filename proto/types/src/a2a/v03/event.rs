//! What a server sends: events of a stream, and the answer to a message.
//!
//! Decides when an event is `final`. Must never decide when a stream ends: 1.0 has no such flag, so that it is printed
//! after the state, and not read.

use serde_json::Value;

use super::form::{Form, Kind, read_kind};
use super::members::Members;
use super::message::{print_message, read_message};
use super::task::{
    print_artifact, print_status, print_task, read_artifact, read_status, read_task,
};
use crate::a2a::event::{read_artifact_update_of, read_status_update_of};
use crate::a2a::{
    SendMessageResponse, StreamResponse, TaskArtifactUpdateEvent, TaskStatusUpdateEvent,
};
use crate::schema::{Problem, Spot};

pub(super) fn print_send_message_response(form: Form, response: &SendMessageResponse) -> Value {
    match response {
        SendMessageResponse::Task(task) => payload(form, "task", print_task(form, task)),
        SendMessageResponse::Message(message) => {
            payload(form, "message", print_message(form, message))
        }
    }
}

pub(super) fn print_stream_response(form: Form, response: &StreamResponse) -> Value {
    match response {
        StreamResponse::Task(task) => payload(form, "task", print_task(form, task)),
        StreamResponse::Message(message) => payload(form, "message", print_message(form, message)),
        StreamResponse::StatusUpdate(update) => {
            payload(form, "statusUpdate", print_status_update(form, update))
        }
        StreamResponse::ArtifactUpdate(update) => {
            payload(form, "artifactUpdate", print_artifact_update(form, update))
        }
    }
}

/// Only ProtoJSON wraps it.
fn payload(form: Form, name: &str, value: Value) -> Value {
    match form {
        Form::JsonRpc => value,
        Form::Rest => Members::default().with(name, value).into(),
    }
}

/// `final` is true for the states that end or interrupt a task: the stream ends there (9.3, 9.4).
fn print_status_update(form: Form, update: &TaskStatusUpdateEvent) -> Value {
    let state = update.status.state;
    Members::of(form, Kind::StatusUpdate)
        .with("taskId", update.task_id.as_str())
        .with("contextId", update.context_id.as_str())
        .with("status", print_status(form, &update.status))
        .with("final", state.is_terminal() || state.is_interrupted())
        .with_some("metadata", update.metadata.clone())
        .into()
}

fn print_artifact_update(form: Form, update: &TaskArtifactUpdateEvent) -> Value {
    Members::of(form, Kind::ArtifactUpdate)
        .with("taskId", update.task_id.as_str())
        .with("contextId", update.context_id.as_str())
        .with("artifact", print_artifact(form, &update.artifact))
        .with_flag("append", update.append)
        .with_flag("lastChunk", update.last_chunk)
        .with_some("metadata", update.metadata.clone())
        .into()
}

pub(super) fn read_send_message_response(spot: Spot<'_, '_>) -> Option<SendMessageResponse> {
    let response = spot.object()?;
    match read_kind(&response)? {
        Kind::Task => read_task(spot).map(SendMessageResponse::Task),
        Kind::Message => read_message(Form::JsonRpc, spot).map(SendMessageResponse::Message),
        Kind::StatusUpdate | Kind::ArtifactUpdate => {
            response.fault_at("kind", Problem::Value("task or message"))
        }
    }
}

pub(super) fn read_stream_response(spot: Spot<'_, '_>) -> Option<StreamResponse> {
    match read_kind(&spot.object()?)? {
        Kind::Task => read_task(spot).map(StreamResponse::Task),
        Kind::Message => read_message(Form::JsonRpc, spot).map(StreamResponse::Message),
        Kind::StatusUpdate => {
            read_status_update_of(spot, read_status).map(StreamResponse::StatusUpdate)
        }
        Kind::ArtifactUpdate => {
            read_artifact_update_of(spot, read_artifact).map(StreamResponse::ArtifactUpdate)
        }
    }
}
