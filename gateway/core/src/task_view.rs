//! A task of the registry, as A2A 1.0 shows it.
//!
//! Decides the Task object (A2A 1.0, section 4.1.1) and the two stream events (4.2). Must never show
//! more than the registry has committed, and never who owns a task or which node runs it.

use proto_types::{ContextId, TaskId, WallMs};
use serde_json::{Map, Value, json};

/// Where a task stands, in the registry's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a node.
    Pending,
    /// On a node.
    Assigned,
    /// The agent finished.
    Completed,
    /// The agent or a limit ended it.
    Failed,
    /// Its caller ended it.
    Canceled,
    /// The agent would not take it.
    Rejected,
    /// The agent asks its caller for more.
    InputRequired,
}

impl State {
    /// Reads the registry's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "pending" => Self::Pending,
            "assigned" => Self::Assigned,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            "rejected" => Self::Rejected,
            "input-required" => Self::InputRequired,
            _ => return None,
        })
    }

    /// The name in A2A 1.0.
    #[must_use]
    pub const fn a2a(self) -> &'static str {
        match self {
            Self::Pending => "TASK_STATE_SUBMITTED",
            Self::Assigned => "TASK_STATE_WORKING",
            Self::Completed => "TASK_STATE_COMPLETED",
            Self::Failed => "TASK_STATE_FAILED",
            Self::Canceled => "TASK_STATE_CANCELED",
            Self::Rejected => "TASK_STATE_REJECTED",
            Self::InputRequired => "TASK_STATE_INPUT_REQUIRED",
        }
    }

    /// Whether the registry has committed an outcome. An agent that asks for more has ended this
    /// task too: the next message opens another task of the same context.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Assigned)
    }
}

/// What the registry says of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// Its conversation.
    pub context: ContextId,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub changed_at: WallMs,
    /// Why, for ends that are not success; one of the registry's stable words.
    pub reason: String,
    /// The message it was submitted with.
    pub input: Value,
    /// What it produced, in order.
    pub artifacts: Vec<Value>,
    /// The agent's last message.
    pub message: Option<Value>,
}

/// The outcome document: `{"artifacts": [..], "message": {..}}`, both optional.
///
/// # Errors
/// It is neither empty nor such a document: the node that wrote it is at fault.
pub fn read_outcome(document: &[u8]) -> Result<(Vec<Value>, Option<Value>), NotAnOutcome> {
    if document.is_empty() {
        return Ok((Vec::new(), None));
    }
    let Ok(Value::Object(mut members)) = proto_types::json::parse(document) else {
        return Err(NotAnOutcome);
    };
    let artifacts = match members.remove("artifacts") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(artifacts)) if artifacts.iter().all(Value::is_object) => artifacts,
        Some(_) => return Err(NotAnOutcome),
    };
    match members.remove("message") {
        None | Some(Value::Null) => Ok((artifacts, None)),
        Some(message @ Value::Object(_)) => Ok((artifacts, Some(message))),
        Some(_) => Err(NotAnOutcome),
    }
}

/// The registry holds an outcome that cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the committed outcome is not an outcome document")]
pub struct NotAnOutcome;

impl TaskView {
    /// The Task object. `history_length` as A2A 1.0 has it (section 3.2.4): absent is all, 0 is no
    /// member at all.
    #[must_use]
    pub fn task(&self, history_length: Option<u32>) -> Value {
        let mut task = Map::new();
        task.insert("id".to_owned(), json!(self.id));
        task.insert("contextId".to_owned(), json!(self.context));
        task.insert("status".to_owned(), self.status());
        if !self.artifacts.is_empty() {
            task.insert("artifacts".to_owned(), Value::from(self.artifacts.clone()));
        }
        if history_length != Some(0) && self.input.is_object() {
            task.insert("history".to_owned(), json!([self.placed(&self.input)]));
        }
        Value::Object(task)
    }

    /// The status of the task, with the agent's last message once it is over.
    #[must_use]
    pub fn status(&self) -> Value {
        let mut status = Map::new();
        status.insert("state".to_owned(), Value::from(self.state.a2a()));
        status.insert("timestamp".to_owned(), Value::from(self.changed_at.to_rfc3339()));
        if let Some(message) = self.last_message() {
            status.insert("message".to_owned(), message);
        }
        Value::Object(status)
    }

    /// A stream event that tells the status.
    #[must_use]
    pub fn status_update(&self) -> Value {
        json!({"statusUpdate": {
            "taskId": self.id, "contextId": self.context, "status": self.status(),
        }})
    }

    /// A stream event that brings a whole artifact.
    #[must_use]
    pub fn artifact_update(&self, artifact: &Value) -> Value {
        json!({"artifactUpdate": {
            "taskId": self.id, "contextId": self.context, "artifact": artifact, "lastChunk": true,
        }})
    }

    fn last_message(&self) -> Option<Value> {
        match &self.message {
            Some(message) => Some(self.placed(message)),
            None if self.state.is_over() && !self.reason.is_empty() => Some(json!({
                "messageId": format!("{}-end", self.id),
                "role": "ROLE_AGENT",
                "contextId": self.context,
                "taskId": self.id,
                "parts": [{"text": self.reason}],
            })),
            None => None,
        }
    }

    /// A message says to which task and conversation it belongs, whoever wrote it.
    fn placed(&self, message: &Value) -> Value {
        let mut message = message.clone();
        if let Value::Object(members) = &mut message {
            members.insert("contextId".to_owned(), json!(self.context));
            members.insert("taskId".to_owned(), json!(self.id));
        }
        message
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn view(state: State) -> TaskView {
        TaskView {
            id: TaskId::parse("t1").unwrap(),
            context: ContextId::parse("c1").unwrap(),
            state,
            changed_at: WallMs::from_secs(1_774_008_000),
            reason: String::new(),
            input: json!({"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}),
            artifacts: Vec::new(),
            message: None,
        }
    }

    #[test]
    fn a_task_shows_its_status_and_its_history_as_asked() {
        let task = view(State::Pending).task(None);
        assert_eq!(
            task["status"],
            json!({
                "state": "TASK_STATE_SUBMITTED", "timestamp": "2026-03-20T12:00:00.000Z",
            })
        );
        assert_eq!(task["history"][0]["taskId"], "t1");
        assert_eq!(task.get("artifacts"), None);
        assert_eq!(view(State::Pending).task(Some(0)).get("history"), None);
        assert_eq!(view(State::Pending).task(Some(5))["history"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn an_outcome_becomes_artifacts_and_the_last_message() {
        let outcome = br#"{"artifacts":[{"artifactId":"a1","parts":[{"text":"x"}]}],
            "message":{"messageId":"m2","role":"ROLE_AGENT","parts":[{"text":"done"}]}}"#;
        let (artifacts, message) = read_outcome(outcome).unwrap();
        let view = TaskView { artifacts, message, ..view(State::Completed) };
        let task = view.task(None);
        assert_eq!(task["artifacts"][0]["artifactId"], "a1");
        assert_eq!(task["status"]["message"]["contextId"], "c1");
        assert_eq!(view.status_update()["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
        let update = view.artifact_update(&view.artifacts[0]);
        assert_eq!(update["artifactUpdate"]["artifact"]["artifactId"], "a1");
    }

    #[test]
    fn an_end_without_a_message_tells_its_reason() {
        let view = TaskView { reason: "deadline".to_owned(), ..view(State::Failed) };
        assert_eq!(view.status()["message"]["parts"], json!([{"text": "deadline"}]));
        assert_eq!(view.status()["message"]["role"], "ROLE_AGENT");
    }

    #[test]
    fn what_is_no_outcome_is_refused() {
        assert_eq!(read_outcome(b""), Ok((Vec::new(), None)));
        assert_eq!(read_outcome(b"{}"), Ok((Vec::new(), None)));
        for bad in ["[]", "{", r#"{"artifacts":{}}"#, r#"{"artifacts":[1]}"#, r#"{"message":"x"}"#]
        {
            assert_eq!(read_outcome(bad.as_bytes()), Err(NotAnOutcome), "{bad}");
        }
    }

    #[test]
    fn each_word_of_the_registry_has_its_state() {
        for (word, name, over) in [
            ("pending", "TASK_STATE_SUBMITTED", false),
            ("assigned", "TASK_STATE_WORKING", false),
            ("completed", "TASK_STATE_COMPLETED", true),
            ("failed", "TASK_STATE_FAILED", true),
            ("canceled", "TASK_STATE_CANCELED", true),
            ("rejected", "TASK_STATE_REJECTED", true),
            ("input-required", "TASK_STATE_INPUT_REQUIRED", true),
        ] {
            let state = State::parse(word).unwrap();
            assert_eq!((state.a2a(), state.is_over()), (name, over));
        }
        assert_eq!(State::parse("running"), None);
    }
}
