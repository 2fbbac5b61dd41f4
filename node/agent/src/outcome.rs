//! From what a run emitted and how it ended to the outcome document that is committed, and to A2A events.
//! It decides shapes only; it must never lose an artifact that the agent has finished.

use std::collections::BTreeMap;

use node_core::{LimitKind, Outcome, Part};
use node_wasm::{ArtifactChunk, Event, Limits};
use proto_types::outcome::{OUTCOME_BYTES_MAX, REASON_BYTES_MAX, printable};
use proto_types::{TaskEnd, WallMs};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

/// The artifacts of a run as they grow.
#[derive(Debug, Default)]
pub(crate) struct Artifacts {
    /// In the order in which they began.
    chunks: Vec<ArtifactChunk>,
    /// By id: a run may begin tens of thousands.
    places: BTreeMap<String, usize>,
}

impl Artifacts {
    /// Takes a chunk in: it follows what its id has, or replaces it.
    pub(crate) fn take(&mut self, chunk: &ArtifactChunk) {
        match self.places.get(&chunk.artifact_id).copied() {
            Some(known) if chunk.append => {
                let known = &mut self.chunks[known];
                known.parts.extend(chunk.parts.iter().cloned());
                known.last_chunk = chunk.last_chunk;
            }
            Some(known) => self.chunks[known] = chunk.clone(),
            None => {
                self.places.insert(chunk.artifact_id.clone(), self.chunks.len());
                self.chunks.push(chunk.clone());
            }
        }
    }

    /// Each as one chunk that begins it, for who has seen none of it. None is empty, as below.
    pub(crate) fn so_far(&self) -> Vec<ArtifactChunk> {
        let chunks = self.chunks.iter().filter(|chunk| !chunk.parts.is_empty());
        chunks.map(|chunk| ArtifactChunk { append: false, ..chunk.clone() }).collect()
    }

    /// Without those that have no parts: A2A has no such artifact.
    fn json(&self) -> Value {
        self.chunks.iter().filter(|chunk| !chunk.parts.is_empty()).map(artifact).collect()
    }
}

fn artifact(chunk: &ArtifactChunk) -> Value {
    let mut artifact = json!({ "artifactId": chunk.artifact_id, "parts": chunk.parts });
    if let Some(name) = &chunk.name {
        artifact["name"] = json!(name);
    }
    if let Some(description) = &chunk.description {
        artifact["description"] = json!(description);
    }
    artifact
}

/// One A2A `StreamResponse` for the waiting gateway.
pub(crate) fn stream_response(task: &str, context: &str, event: &Event, at: WallMs) -> Value {
    match event {
        Event::Status { text } => {
            let mut status = json!({ "state": "TASK_STATE_WORKING", "timestamp": at.to_string() });
            if let Some(text) = text {
                status["message"] = message(&[Part::text(text)], task, context);
            }
            json!({ "statusUpdate": { "taskId": task, "contextId": context, "status": status } })
        }
        Event::Artifact(chunk) => artifact_update(task, context, chunk),
    }
}

/// The same of a piece of an artifact.
pub(crate) fn artifact_update(task: &str, context: &str, chunk: &ArtifactChunk) -> Value {
    json!({ "artifactUpdate": {
        "taskId": task,
        "contextId": context,
        "artifact": artifact(chunk),
        "append": chunk.append,
        "lastChunk": chunk.last_chunk,
    } })
}

fn message(parts: &[Part], task: &str, context: &str) -> Value {
    json!({
        "messageId": uuid::Uuid::now_v7().to_string(),
        "role": "ROLE_AGENT",
        "taskId": task,
        "contextId": context,
        "parts": parts,
    })
}

/// How a task is settled with the registry.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// Committed as its outcome.
    Complete(wire::CompleteTaskRequest),
    /// Handed back, because the node and not the agent failed.
    Release(String),
}

/// Settles a task that ran within `limits`. An outcome that is larger than the registry keeps ends as a limit too, and
/// no reason is refused for what it says: it is made printable.
pub(crate) fn settle(
    assigned: &wire::Assigned,
    limits: &Limits,
    outcome: &Outcome,
    artifacts: &Artifacts,
) -> Settlement {
    if let Outcome::Fault { retryable: true, reason, .. } = outcome {
        return Settlement::Release(printable(reason, REASON_BYTES_MAX));
    }
    let Ending { end, parts, reason } = ending(outcome, limits);
    let mut document = json!({ "artifacts": artifacts.json() });
    if !parts.is_empty() {
        document["message"] = message(&parts, &assigned.task, &assigned.context);
    }
    if let Outcome::Message { .. } = outcome {
        document["answer"] = json!("message");
    }
    let complete = request(assigned, end, &document, &reason);
    match complete.outcome.len() {
        0..=OUTCOME_BYTES_MAX => Settlement::Complete(complete),
        bytes => Settlement::Complete(too_large(assigned, bytes)),
    }
}

fn too_large(assigned: &wire::Assigned, bytes: usize) -> wire::CompleteTaskRequest {
    let why = format!("limit: output ({bytes} bytes as JSON; {OUTCOME_BYTES_MAX} are carried)");
    let said = message(&[Part::text(&why)], &assigned.task, &assigned.context);
    request(assigned, TaskEnd::Failed, &json!({ "artifacts": [], "message": said }), &why)
}

fn request(
    assigned: &wire::Assigned,
    end: TaskEnd,
    document: &Value,
    reason: &str,
) -> wire::CompleteTaskRequest {
    wire::CompleteTaskRequest {
        id: assigned.task.clone(),
        epoch: assigned.epoch,
        end: end.to_string(),
        outcome: document.to_string().into(),
        reason: printable(reason, REASON_BYTES_MAX),
        omit_documents: true,
    }
}

/// The end of a task, what the agent says, and why it was no success.
struct Ending {
    end: TaskEnd,
    parts: Vec<Part>,
    reason: String,
}

fn ending(outcome: &Outcome, limits: &Limits) -> Ending {
    let said = |end, parts: &[Part]| Ending { end, parts: parts.to_vec(), reason: String::new() };
    match outcome {
        Outcome::Completed { parts } | Outcome::Message { parts } => {
            said(TaskEnd::Completed, parts)
        }
        Outcome::InputRequired { parts } => said(TaskEnd::InputRequired, parts),
        Outcome::Cancelled => said(TaskEnd::Canceled, &[]),
        Outcome::Rejected { reason } => {
            let parts = vec![Part::text(reason)];
            Ending { end: TaskEnd::Rejected, parts, reason: reason.clone() }
        }
        Outcome::Fault { reason, .. } => failed(reason),
        Outcome::Failed { code, message } => failed(&format!("{code}: {message}")),
        Outcome::Limit { limit } => failed(&format!("limit: {limit} ({})", bound(*limit, limits))),
    }
}

/// What broke may have said anything: the caller reads it as one printable line.
fn failed(reason: &str) -> Ending {
    let reason = printable(reason, REASON_BYTES_MAX);
    Ending { end: TaskEnd::Failed, parts: vec![Part::text(&reason)], reason }
}

/// The bound that was reached, in words.
fn bound(limit: LimitKind, limits: &Limits) -> String {
    match limit {
        LimitKind::Cpu => format!("{} units of fuel", limits.fuel),
        LimitKind::Memory => format!("{} bytes", limits.memory_bytes),
        LimitKind::Wall => format!("{} ms", limits.wall_ms),
        LimitKind::Output => format!("{} bytes, {} events", limits.output_bytes, limits.events_max),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn chunk(id: &str, text: &str, append: bool) -> ArtifactChunk {
        ArtifactChunk {
            artifact_id: id.to_owned(),
            name: Some("n".to_owned()),
            description: None,
            parts: vec![Part::text(text)],
            append,
            last_chunk: true,
        }
    }

    #[test]
    fn chunks_follow_or_replace_what_their_artifact_has() {
        let mut artifacts = Artifacts::default();
        for (id, text, append) in
            [("a", "1", false), ("b", "x", false), ("a", "2", true), ("b", "y", false)]
        {
            artifacts.take(&chunk(id, text, append));
        }
        assert_eq!(artifacts.json().as_array().unwrap().len(), 2);
        let texts = |at: usize| artifacts.json()[at]["parts"].clone();
        assert_eq!(texts(0), json!([{ "text": "1" }, { "text": "2" }]));
        assert_eq!(texts(1), json!([{ "text": "y" }]));
    }

    /// Caught: an artifact that is begun with `append`, or ends with its first chunk.
    #[test]
    fn what_there_is_of_an_artifact_is_one_chunk_that_says_whether_more_follows() {
        let mut artifacts = Artifacts::default();
        for (id, text, append, last_chunk) in
            [("a", "1", true, true), ("b", "x", false, false), ("a", "2", true, false)]
        {
            artifacts.take(&ArtifactChunk { last_chunk, ..chunk(id, text, append) });
        }
        artifacts.take(&ArtifactChunk { parts: Vec::new(), ..chunk("empty", "", false) });
        let whole = |chunk: &ArtifactChunk| {
            (chunk.artifact_id.clone(), chunk.parts.len(), chunk.append, chunk.last_chunk)
        };
        let so_far: Vec<_> = artifacts.so_far().iter().map(whole).collect();
        assert_eq!(so_far, [("a".to_owned(), 2, false, false), ("b".to_owned(), 1, false, false)]);
        artifacts.take(&chunk("b", "y", true));
        assert!(artifacts.so_far()[1].last_chunk);
    }

    #[test]
    fn a_status_tells_the_time_that_it_is_given() {
        let at = WallMs(1_774_008_000_000);
        let update = stream_response("t", "c", &Event::Status { text: None }, at);
        assert_eq!(update["statusUpdate"]["status"]["timestamp"], "2026-03-20T12:00:00.000Z");
    }

    fn settled(outcome: &Outcome, artifacts: &Artifacts) -> Settlement {
        let assigned = wire::Assigned { task: "t".to_owned(), epoch: 7, ..Default::default() };
        settle(&assigned, &Limits::default(), outcome, artifacts)
    }

    fn completed(outcome: &Outcome, artifacts: &Artifacts) -> (wire::CompleteTaskRequest, Value) {
        let Settlement::Complete(request) = settled(outcome, artifacts) else {
            panic!("{outcome:?}")
        };
        let document = serde_json::from_slice(&request.outcome).unwrap();
        (request, document)
    }

    #[test]
    fn a_reason_is_always_one_that_the_registry_keeps() {
        let long = "x".repeat(9_000);
        for text in ["panicked at src/lib.rs\n\u{1b}[31mwhy\0", "a\nb", &long] {
            let trap = Outcome::Failed { code: "trap".to_owned(), message: text.to_owned() };
            let rejected = Outcome::Rejected { reason: text.to_owned() };
            let fault =
                Outcome::Fault { retryable: false, side_effects: false, reason: text.to_owned() };
            for outcome in [trap, rejected, fault] {
                let (request, document) = completed(&outcome, &Artifacts::default());
                assert!(!request.reason.contains(char::is_control), "{}", request.reason);
                assert!((1..=REASON_BYTES_MAX).contains(&request.reason.len()));
                assert!(document["message"]["parts"][0]["text"].is_string());
            }
        }
    }

    #[test]
    fn an_outcome_that_no_registry_keeps_ends_as_a_limit_that_names_the_bound() {
        let mut artifacts = Artifacts::default();
        // Each of these is six bytes in JSON.
        artifacts.take(&chunk("a", &"\u{1}".repeat(OUTCOME_BYTES_MAX / 4), false));
        let (request, document) = completed(&Outcome::Completed { parts: vec![] }, &artifacts);
        assert_eq!(request.end, "failed");
        assert!(request.reason.contains("1048576 are carried"), "{}", request.reason);
        assert_eq!(document["artifacts"], json!([]));
        let limit = Outcome::Limit { limit: LimitKind::Output };
        let (request, _) = completed(&limit, &Artifacts::default());
        assert!(request.reason.contains("1048576 bytes"), "{}", request.reason);
    }

    #[test]
    fn a_message_is_told_from_a_task_that_is_done() {
        let parts = vec![Part::text("hello")];
        let (request, document) =
            completed(&Outcome::Message { parts: parts.clone() }, &Artifacts::default());
        assert_eq!((request.end.as_str(), &document["answer"]), ("completed", &json!("message")));
        let (_, document) = completed(&Outcome::Completed { parts }, &Artifacts::default());
        assert_eq!(document.get("answer"), None);
    }

    #[test]
    fn only_a_fault_that_may_pass_hands_the_task_back() {
        let settle = |outcome: &Outcome| settled(outcome, &Artifacts::default());
        let fault =
            |retryable| Outcome::Fault { retryable, side_effects: false, reason: "r".to_owned() };
        assert!(matches!(settle(&fault(true)), Settlement::Release(reason) if reason == "r"));
        for (outcome, end) in [
            (fault(false), "failed"),
            (Outcome::Cancelled, "canceled"),
            (Outcome::Rejected { reason: "no".to_owned() }, "rejected"),
            (Outcome::Completed { parts: Vec::new() }, "completed"),
        ] {
            let Settlement::Complete(request) = settle(&outcome) else { panic!("{outcome:?}") };
            assert_eq!((request.end.as_str(), request.epoch), (end, 7));
            serde_json::from_slice::<Value>(&request.outcome).unwrap();
        }
    }
}
