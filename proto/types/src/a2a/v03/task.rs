//! Tasks, their status and their artifacts.
//!
//! Decides where each member of 1.0 stands in 0.3. Must never decide which state follows which.

use serde_json::Value;

use super::form::{Form, Kind};
use super::members::Members;
use super::message::{print_message, print_parts, read_message, read_parts};
use crate::a2a::task::{read_artifact_of, read_task_of};
use crate::a2a::{Artifact, Task, TaskStatus};
use crate::schema::Spot;
use crate::time::WallMs;

pub(super) fn print_task(form: Form, task: &Task) -> Value {
    let artifacts = task.artifacts.iter().map(|artifact| print_artifact(form, artifact)).collect();
    let history = task.history.iter().map(|message| print_message(form, message)).collect();
    Members::of(form, Kind::Task)
        .with("id", task.id.as_str())
        // 0.3 requires it (6.1), and its clients refuse a task without it.
        .with("contextId", task.context_id.as_deref().unwrap_or_default())
        .with("status", print_status(form, &task.status))
        .with_list("artifacts", artifacts)
        .with_list("history", history)
        .with_some("metadata", task.metadata.clone())
        .into()
}

pub(super) fn print_status(form: Form, status: &TaskStatus) -> Value {
    let message = status.message.as_ref().map(|message| print_message(form, message));
    Members::default()
        .with("state", form.state(status.state))
        .with_some("message", message)
        .with_some("timestamp", status.timestamp.map(WallMs::to_rfc3339))
        .into()
}

pub(super) fn print_artifact(form: Form, artifact: &Artifact) -> Value {
    Members::default()
        .with("artifactId", artifact.artifact_id.as_str())
        .with_some("name", artifact.name.as_deref())
        .with_some("description", artifact.description.as_deref())
        .with("parts", print_parts(form, &artifact.parts))
        .with_some("metadata", artifact.metadata.clone())
        .with_texts("extensions", &artifact.extensions)
        .into()
}

pub(super) fn read_task(form: Form, spot: Spot<'_, '_>) -> Option<Task> {
    let kind = form.check(&spot.object()?, Kind::Task);
    let task = read_task_of(
        spot,
        |spot| read_status(form, spot),
        |spot| read_artifact(form, spot),
        |spot| read_message(form, spot),
    );
    kind.and(task)
}

pub(super) fn read_status(form: Form, spot: Spot<'_, '_>) -> Option<TaskStatus> {
    let status = spot.object()?;
    let state = status.required("state", |spot| form.read_state(spot));
    let message = status.optional("message", |spot| read_message(form, spot));
    let timestamp = status.optional("timestamp", read_time);
    Some(TaskStatus { state: state?, message: message?, timestamp: timestamp? })
}

/// ISO 8601. Without an offset, as in 0.3's own examples (9.3), it is taken for UTC.
fn read_time(spot: Spot<'_, '_>) -> Option<WallMs> {
    let in_utc = |text: &str| WallMs::parse_rfc3339(&format!("{text}Z"));
    spot.parsed("an ISO 8601 time since 1970", |text| {
        WallMs::parse_rfc3339(text).or_else(|_| in_utc(text)).ok()
    })
}

pub(super) fn read_artifact(form: Form, spot: Spot<'_, '_>) -> Option<Artifact> {
    read_artifact_of(spot, |spot| read_parts(form, spot))
}
