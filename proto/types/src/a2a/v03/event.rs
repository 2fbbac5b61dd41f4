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
use crate::a2a::event::{
    ANSWER_KINDS, KINDS, only_one, read_artifact_update_of, read_status_update_of,
};
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

pub(super) fn read_send_message_response(
    form: Form,
    spot: Spot<'_, '_>,
) -> Option<SendMessageResponse> {
    let response = spot.object()?;
    if form == Form::Rest {
        return match only_one(&response, &ANSWER_KINDS)? {
            "task" => response
                .required("task", |spot| read_task(form, spot))
                .map(SendMessageResponse::Task),
            _ => response
                .required("message", |spot| read_message(form, spot))
                .map(SendMessageResponse::Message),
        };
    }
    match read_kind(&response)? {
        Kind::Task => read_task(form, spot).map(SendMessageResponse::Task),
        Kind::Message => read_message(form, spot).map(SendMessageResponse::Message),
        Kind::StatusUpdate | Kind::ArtifactUpdate => {
            response.fault_at("kind", Problem::Value("task or message"))
        }
    }
}

pub(super) fn read_stream_response(form: Form, spot: Spot<'_, '_>) -> Option<StreamResponse> {
    let response = spot.object()?;
    if form == Form::JsonRpc {
        return read_event(form, read_kind(&response)?, spot);
    }
    let name = only_one(&response, &KINDS)?;
    let kind = match name {
        "task" => Kind::Task,
        "message" => Kind::Message,
        "statusUpdate" => Kind::StatusUpdate,
        _ => Kind::ArtifactUpdate,
    };
    response.required(name, |spot| read_event(form, kind, spot))
}

fn read_event(form: Form, kind: Kind, spot: Spot<'_, '_>) -> Option<StreamResponse> {
    match kind {
        Kind::Task => read_task(form, spot).map(StreamResponse::Task),
        Kind::Message => read_message(form, spot).map(StreamResponse::Message),
        Kind::StatusUpdate => read_status_update_of(spot, |spot| read_status(form, spot))
            .map(StreamResponse::StatusUpdate),
        Kind::ArtifactUpdate => read_artifact_update_of(spot, |spot| read_artifact(form, spot))
            .map(StreamResponse::ArtifactUpdate),
    }
}
