//! From what a run emitted and how it ended to the outcome document that is committed, and to A2A events.
//! It decides shapes only; it must never lose an artifact that the agent has finished.

use node_core::{Outcome, Part};
use node_wasm::{ArtifactChunk, Event};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::clock::wall;

/// The artifacts of a run as they grow.
#[derive(Debug, Default)]
pub(crate) struct Artifacts(Vec<ArtifactChunk>);

impl Artifacts {
    /// Takes a chunk in: it follows what its id has, or replaces it.
    pub(crate) fn take(&mut self, chunk: &ArtifactChunk) {
        match self.0.iter_mut().find(|known| known.artifact_id == chunk.artifact_id) {
            Some(known) if chunk.append => known.parts.extend(chunk.parts.iter().cloned()),
            Some(known) => *known = chunk.clone(),
            None => self.0.push(chunk.clone()),
        }
    }

    fn json(&self) -> Value {
        self.0.iter().map(artifact).collect()
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
pub(crate) fn stream_response(task: &str, context: &str, event: &Event) -> Value {
    match event {
        Event::Status { text } => {
            let mut status =
                json!({ "state": "TASK_STATE_WORKING", "timestamp": wall().to_string() });
            if let Some(text) = text {
                status["message"] = message(&[Part::text(text)], task, context);
            }
            json!({ "statusUpdate": { "taskId": task, "contextId": context, "status": status } })
        }
        Event::Artifact(chunk) => json!({ "artifactUpdate": {
            "taskId": task,
            "contextId": context,
            "artifact": artifact(chunk),
            "append": chunk.append,
            "lastChunk": chunk.last_chunk,
        } }),
    }
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

/// Settles a task.
pub(crate) fn settle(
    task: &str,
    context: &str,
    epoch: u64,
    outcome: &Outcome,
    artifacts: &Artifacts,
) -> Settlement {
    if let Outcome::Fault { retryable: true, reason, .. } = outcome {
        return Settlement::Release(reason.clone());
    }
    let (end, parts, reason) = ending(outcome);
    let mut document = json!({ "artifacts": artifacts.json() });
    let said =
        if parts.is_empty() && !reason.is_empty() { vec![Part::text(&reason)] } else { parts };
    if !said.is_empty() {
        document["message"] = message(&said, task, context);
    }
    Settlement::Complete(wire::CompleteTaskRequest {
        id: task.to_owned(),
        epoch,
        end: end.to_owned(),
        outcome: document.to_string().into(),
        reason,
    })
}

/// The end of a task by its name on the wire, what the agent says, and why it was no success.
fn ending(outcome: &Outcome) -> (&'static str, Vec<Part>, String) {
    match outcome {
        Outcome::Fault { reason, .. } => ("failed", Vec::new(), reason.clone()),
        Outcome::Completed { parts } => ("completed", parts.clone(), String::new()),
        Outcome::InputRequired { parts } => ("input-required", parts.clone(), String::new()),
        Outcome::Rejected { reason } => ("rejected", vec![Part::text(reason)], reason.clone()),
        Outcome::Failed { code, message } => ("failed", Vec::new(), format!("{code}: {message}")),
        Outcome::Limit { limit } => ("failed", Vec::new(), format!("limit: {limit}")),
        Outcome::Cancelled => ("canceled", Vec::new(), String::new()),
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
        let texts = |at: usize| artifacts.json()[at]["parts"].clone();
        assert_eq!(texts(0), json!([{ "text": "1" }, { "text": "2" }]));
        assert_eq!(texts(1), json!([{ "text": "y" }]));
    }

    #[test]
    fn only_a_fault_that_may_pass_hands_the_task_back() {
        let settle = |outcome: &Outcome| settle("t", "c", 7, outcome, &Artifacts::default());
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
