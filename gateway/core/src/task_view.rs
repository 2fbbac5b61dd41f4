//! A task of the registry, as A2A 1.0 shows it.
//!
//! Decides the Task object (A2A 1.0, section 4.1.1) and the stream events made from it (4.2). Must
//! never show more than the registry has committed, and never who owns a task or which node runs it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use proto_types::a2a::{
    Artifact, Message, Part, Role, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState,
    TaskStatus, TaskStatusUpdateEvent,
};
use proto_types::task::{ASSIGNED, PENDING};
use proto_types::{ContextId, Revision, TaskEnd, TaskId, WallMs, json};
use serde_json::Value;

/// The state that a word of the registry stands for.
#[must_use]
pub fn state(word: &str) -> Option<TaskState> {
    Some(match word {
        PENDING => TaskState::Submitted,
        ASSIGNED => TaskState::Working,
        end => match end.parse::<TaskEnd>().ok()? {
            TaskEnd::Completed => TaskState::Completed,
            TaskEnd::Failed => TaskState::Failed,
            TaskEnd::Canceled => TaskState::Canceled,
            TaskEnd::Rejected => TaskState::Rejected,
            TaskEnd::InputRequired => TaskState::InputRequired,
        },
    })
}

/// The word of the registry for a state; none for one that no task of ours is ever in.
#[must_use]
pub const fn word(state: TaskState) -> Option<&'static str> {
    match state {
        TaskState::Submitted => Some(PENDING),
        TaskState::Working => Some(ASSIGNED),
        TaskState::Completed => Some(TaskEnd::Completed.as_str()),
        TaskState::Failed => Some(TaskEnd::Failed.as_str()),
        TaskState::Canceled => Some(TaskEnd::Canceled.as_str()),
        TaskState::InputRequired => Some(TaskEnd::InputRequired.as_str()),
        TaskState::Rejected => Some(TaskEnd::Rejected.as_str()),
        TaskState::AuthRequired => None,
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
    pub state: TaskState,
    /// Since when.
    pub changed_at: WallMs,
    /// Why, for ends that are not success, and what a task that waits for a node waits for; a word or sentence of the
    /// registry or node.
    pub reason: String,
    /// The revision of the registry that says so.
    pub revision: Revision,
    /// Which gateway is told of its changes; every one if it names none.
    pub gateway: String,
    /// What was said before `input`, oldest first.
    pub turns: Vec<Turn>,
    /// The caller's newest message.
    pub input: Option<Message>,
    /// What it produced.
    pub outcome: Outcome,
}

/// A message of the caller, and the outcome by which the agent asked for more.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The caller's message.
    pub input: Option<Message>,
    /// The agent's question, and what it had produced by then.
    pub outcome: Outcome,
}

/// What a task produced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// In order.
    pub artifacts: Vec<Artifact>,
    /// The agent's last message.
    pub message: Option<Message>,
    /// Whether that message is the whole answer, and no task is to be seen.
    pub is_message: bool,
}

/// The registry holds an outcome that cannot be shown: the node that wrote it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the committed outcome is not an outcome document")]
pub struct NotAnOutcome;

impl Outcome {
    /// Reads `{"artifacts": [..], "message": {..}, "answer": "message"}`, all optional; empty bytes are no outcome yet.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(document: &[u8]) -> Result<Self, NotAnOutcome> {
        if document.is_empty() {
            return Ok(Self::default());
        }
        let Ok(Value::Object(members)) = json::parse_lossless(document) else {
            return Err(NotAnOutcome);
        };
        let artifacts = match members.get("artifacts") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(artifacts)) => {
                // An artifact without parts is nothing to show, and no reason to hide the others.
                let empty = |artifact: &&Value| artifact["parts"] == Value::Array(Vec::new());
                let read = artifacts.iter().filter(|one| !empty(one)).map(Artifact::from_value);
                read.collect::<Result<_, _>>().map_err(|_| NotAnOutcome)?
            }
            Some(_) => return Err(NotAnOutcome),
        };
        let message = match members.get("message") {
            None | Some(Value::Null) => None,
            Some(message) => Some(Message::from_value(message).map_err(|_| NotAnOutcome)?),
        };
        let is_message = members.get("answer").is_some_and(|answer| answer == "message");
        Ok(Self { artifacts, message, is_message })
    }
}

impl TaskView {
    /// The same without what was said and made: as much as a call holds that waits for it. The words of a caller take many
    /// times their bytes once they are read.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { turns: Vec::new(), input: None, outcome: Outcome::default(), ..self }
    }

    /// The task as it waited for its caller at the end of a turn, the first of which is 0; `None` if that has not ended so.
    /// When that was is not kept: it has the time of the newest change.
    #[must_use]
    pub fn at_end_of(&self, turn: usize) -> Option<Self> {
        let (before, Turn { input, outcome }) = (self.turns.get(..turn)?, self.turns.get(turn)?);
        Some(Self {
            id: self.id.clone(),
            context: self.context.clone(),
            state: TaskState::InputRequired,
            changed_at: self.changed_at,
            reason: String::new(),
            revision: self.revision,
            gateway: self.gateway.clone(),
            turns: before.to_vec(),
            input: input.clone(),
            outcome: outcome.clone(),
        })
    }

    /// Whether nothing runs for it any more: it has ended, or waits for its caller's next message.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.state.is_terminal() || self.state.is_interrupted()
    }

    /// The message that is the whole answer, if it is (A2A 1.0, section 3.1.1): it belongs to a conversation, not a task.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        let message = self.outcome.message.as_ref().filter(|_| self.outcome.is_message)?;
        let whole = self.state == TaskState::Completed && self.turns.is_empty();
        whole.then(|| Message { task_id: None, ..self.placed(message) })
    }

    /// The Task object. `history_length` as A2A 1.0 has it (section 3.2.4): absent is all, 0 is none.
    #[must_use]
    pub fn task(&self, history_length: Option<u32>) -> Task {
        let said: Vec<_> = self.said().collect();
        let newest = history_length.map_or(said.len(), |most| most as usize);
        let shown = said.iter().skip(said.len().saturating_sub(newest));
        Task {
            id: self.id.as_str().to_owned(),
            context_id: Some(self.context.as_str().to_owned()),
            status: self.status(),
            artifacts: self.artifacts(),
            history: shown.map(|message| self.placed(message)).collect(),
            metadata: None,
        }
    }

    /// Every message, oldest first, but for the one that the status shows.
    fn said(&self) -> impl Iterator<Item = &Message> {
        let turns = self.turns.iter();
        let before = turns.flat_map(|turn| turn.input.iter().chain(&turn.outcome.message));
        before.chain(&self.input).chain(self.question())
    }

    /// What the agent asked before its caller ended the task.
    fn question(&self) -> Option<&Message> {
        self.outcome.message.as_ref().filter(|_| self.state == TaskState::Canceled)
    }

    /// What it has produced in all its turns; a later artifact replaces an earlier one of its id.
    fn artifacts(&self) -> Vec<Artifact> {
        let mut all: Vec<&Artifact> = Vec::new();
        // An outcome may hold tens of thousands.
        let mut places = BTreeMap::new();
        let earlier = self.turns.iter().map(|turn| &turn.outcome);
        for artifact in earlier.chain([&self.outcome]).flat_map(|outcome| &outcome.artifacts) {
            match places.entry(artifact.artifact_id.as_str()) {
                Entry::Occupied(place) => all[*place.get()] = artifact,
                Entry::Vacant(place) => {
                    place.insert(all.len());
                    all.push(artifact);
                }
            }
        }
        all.into_iter().cloned().collect()
    }

    /// The status of the task, with the agent's last message once it is over, or else with the reason, if there is one.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        let message = match &self.outcome.message {
            Some(message) if self.question().is_none() => Some(self.placed(message)),
            _ if !self.reason.is_empty() => {
                let parts = vec![Part::text(self.reason.clone())];
                let of = if self.is_over() { "end" } else { "wait" };
                let message = Message::new(format!("{}-{of}", self.id), Role::Agent, parts);
                Some(self.placed(&message))
            }
            _ => None,
        };
        TaskStatus { message, ..TaskStatus::new(self.state, self.changed_at) }
    }

    /// A stream event that tells the status.
    #[must_use]
    pub fn status_update(&self) -> StreamResponse {
        StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
            task_id: self.id.as_str().to_owned(),
            context_id: self.context.as_str().to_owned(),
            status: self.status(),
            metadata: None,
        })
    }

    /// A stream event that brings a whole artifact.
    #[must_use]
    pub fn artifact_update(&self, artifact: &Artifact) -> StreamResponse {
        StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
            task_id: self.id.as_str().to_owned(),
            context_id: self.context.as_str().to_owned(),
            artifact: artifact.clone(),
            append: false,
            last_chunk: true,
            metadata: None,
        })
    }

    /// What a node pushed of this task before its end, as it may be shown: the ids are ours,
    /// whatever it says. `None` for what only the registry may tell: that the task is over.
    #[must_use]
    pub fn interim(&self, pushed: StreamResponse) -> Option<StreamResponse> {
        let (id, context) = (self.id.as_str().to_owned(), self.context.as_str().to_owned());
        match pushed {
            StreamResponse::StatusUpdate(update) => {
                let shown =
                    matches!(update.status.state, TaskState::Submitted | TaskState::Working);
                let update = TaskStatusUpdateEvent { task_id: id, context_id: context, ..update };
                shown.then_some(StreamResponse::StatusUpdate(update))
            }
            StreamResponse::ArtifactUpdate(update) => {
                let update = TaskArtifactUpdateEvent { task_id: id, context_id: context, ..update };
                Some(StreamResponse::ArtifactUpdate(update))
            }
            StreamResponse::Task(_) | StreamResponse::Message(_) => None,
        }
    }

    /// A message says to which task and conversation it belongs, whoever wrote it.
    fn placed(&self, message: &Message) -> Message {
        Message {
            context_id: Some(self.context.as_str().to_owned()),
            task_id: Some(self.id.as_str().to_owned()),
            ..message.clone()
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(state: TaskState) -> TaskView {
        TaskView {
            id: TaskId::parse("t1").unwrap(),
            context: ContextId::parse("c1").unwrap(),
            state,
            changed_at: WallMs::from_secs(1_774_008_000),
            reason: String::new(),
            revision: Revision(1),
            gateway: String::new(),
            turns: Vec::new(),
            input: Some(Message::new("m1", Role::User, vec![Part::text("hi")])),
            outcome: Outcome::default(),
        }
    }

    fn shown(task: &Task) -> Value {
        serde_json::to_value(task).unwrap()
    }

    #[test]
    fn a_task_shows_its_status_and_its_history_as_asked() {
        let task = shown(&view(TaskState::Submitted).task(None));
        let status =
            json!({"state": "TASK_STATE_SUBMITTED", "timestamp": "2026-03-20T12:00:00.000Z"});
        assert_eq!(task["status"], status);
        assert_eq!(task["history"][0]["taskId"], "t1");
        assert_eq!(task.get("artifacts"), None);
        assert_eq!(shown(&view(TaskState::Submitted).task(Some(0))).get("history"), None);
        assert_eq!(view(TaskState::Submitted).task(Some(5)).history.len(), 1);
    }

    #[test]
    fn an_outcome_becomes_artifacts_and_the_last_message() {
        let outcome = br#"{"artifacts":[{"artifactId":"a1","parts":[{"text":"x"}]}],
            "message":{"messageId":"m2","role":"ROLE_AGENT","parts":[{"text":"done"}]}}"#;
        let outcome = Outcome::parse(outcome).unwrap();
        let view = TaskView { outcome, ..view(TaskState::Completed) };
        let task = shown(&view.task(None));
        assert_eq!(task["artifacts"][0]["artifactId"], "a1");
        assert_eq!(task["status"]["message"]["contextId"], "c1");
        assert_eq!(view.status_update().state(), Some(TaskState::Completed));
        let update =
            serde_json::to_value(view.artifact_update(&view.outcome.artifacts[0])).unwrap();
        assert_eq!(update["artifactUpdate"]["artifact"]["artifactId"], "a1");
    }

    #[test]
    fn a_history_holds_every_message_in_order_and_the_newest_as_asked() {
        let said = |id: &str, role| Message::new(id, role, vec![Part::text(id)]);
        let artifact = |id: &str, text: &str| Artifact {
            artifact_id: id.to_owned(),
            name: None,
            description: None,
            parts: vec![Part::text(text)],
            metadata: None,
            extensions: Vec::new(),
        };
        let input_required = |id: &str| Outcome {
            artifacts: vec![artifact("a", id)],
            message: Some(said(id, Role::Agent)),
            is_message: false,
        };
        let turn = Turn { input: Some(said("m1", Role::User)), outcome: input_required("q1") };
        let (input, turns) = (Some(said("m2", Role::User)), vec![turn]);
        let view = |state, outcome| TaskView {
            input: input.clone(),
            turns: turns.clone(),
            outcome,
            ..view(state)
        };
        let ids = |task: &Task| {
            task.history.iter().map(|message| message.message_id.clone()).collect::<Vec<_>>()
        };
        let working = view(TaskState::Working, Outcome::default());
        assert_eq!(ids(&working.task(None)), ["m1", "q1", "m2"]);
        assert_eq!(ids(&working.task(Some(2))), ["q1", "m2"]);
        assert_eq!(ids(&working.task(Some(9))), ["m1", "q1", "m2"]);
        assert_eq!(working.task(None).artifacts.len(), 1, "what an earlier turn made stays");
        let again = view(TaskState::InputRequired, input_required("q2"));
        assert_eq!(ids(&again.task(None)), ["m1", "q1", "m2"]);
        assert_eq!(again.status().message.unwrap().message_id, "q2");
        assert_eq!(again.task(None).artifacts[0].parts, [Part::text("q2")]);
        let canceled = view(TaskState::Canceled, input_required("q2"));
        assert_eq!(ids(&canceled.task(None)), ["m1", "q1", "m2", "q2"]);
        assert_eq!(canceled.status().message, None);
    }

    #[test]
    fn a_turn_that_has_ended_is_shown_as_its_task_waited_then() {
        let said = |id: &str, role| Message::new(id, role, vec![Part::text(id)]);
        let asked =
            |id: &str| Outcome { message: Some(said(id, Role::Agent)), ..Outcome::default() };
        let turn = |input: &str, question: &str| Turn {
            input: Some(said(input, Role::User)),
            outcome: asked(question),
        };
        let turns = vec![turn("m1", "q1"), turn("m2", "q2")];
        let now = TaskView { turns, reason: "why".to_owned(), ..view(TaskState::Failed) };
        for (turn, question, before) in [(0, "q1", 0), (1, "q2", 1)] {
            let then = now.at_end_of(turn).unwrap();
            assert_eq!((then.state, then.turns.len()), (TaskState::InputRequired, before));
            assert_eq!(then.status().message.unwrap().message_id, question);
            assert!(then.is_over() && then.message().is_none());
        }
        for turn in [2, 3, usize::MAX] {
            assert_eq!(now.at_end_of(turn), None, "{turn}");
        }
    }

    #[test]
    fn artifacts_keep_the_order_in_which_they_began_and_each_id_its_newest() {
        let outcome = |artifacts: &str| {
            Outcome::parse(format!("{{\"artifacts\":[{artifacts}]}}").as_bytes()).unwrap()
        };
        let artifact = |id: &str, text: &str| {
            format!(r#"{{"artifactId":"{id}","parts":[{{"text":"{text}"}}]}}"#)
        };
        let first = [artifact("b", "1"), artifact("a", "2")].join(",");
        let newest = [artifact("c", "3"), artifact("b", "4")].join(",");
        let turns = vec![Turn { input: None, outcome: outcome(&first) }];
        let outcome = outcome(&newest);
        let shown = TaskView { turns, outcome, ..view(TaskState::Completed) }.task(None).artifacts;
        let shown: Vec<_> =
            shown.iter().map(|one| (one.artifact_id.as_str(), one.parts[0].clone())).collect();
        let expected = [("b", "4"), ("a", "2"), ("c", "3")];
        assert_eq!(shown, expected.map(|(id, text)| (id, Part::text(text))));
    }

    #[test]
    fn a_bare_task_knows_where_it_stands_and_nothing_that_was_said_or_made() {
        let outcome =
            Outcome::parse(br#"{"artifacts":[{"artifactId":"a","parts":[{"text":"x"}]}]}"#)
                .unwrap();
        let turn = Turn { input: None, outcome: outcome.clone() };
        let whole = TaskView { turns: vec![turn], outcome, ..view(TaskState::InputRequired) };
        let bare = whole.clone().bare();
        assert_eq!((&bare.id, &bare.context), (&whole.id, &whole.context));
        assert_eq!((bare.revision, bare.is_over()), (whole.revision, true));
        let task = bare.task(None);
        assert_eq!((task.history, task.artifacts), (Vec::new(), Vec::new()));
    }

    #[test]
    fn an_answer_that_is_a_message_shows_no_task() {
        let outcome = br#"{"artifacts":[],"answer":"message",
            "message":{"messageId":"m2","role":"ROLE_AGENT","taskId":"x","parts":[{"text":"hi"}]}}"#;
        let outcome = Outcome::parse(outcome).unwrap();
        let view = TaskView { outcome, ..view(TaskState::Completed) };
        let message = view.message().unwrap();
        assert_eq!((message.task_id, message.context_id.as_deref()), (None, Some("c1")));
        assert_eq!(TaskView { state: TaskState::Failed, ..view.clone() }.message(), None);
        let plain = Outcome { is_message: false, ..view.outcome.clone() };
        assert_eq!(TaskView { outcome: plain, ..view }.message(), None);
    }

    #[test]
    fn an_end_without_a_message_or_a_wait_tells_its_reason() {
        for (state, id) in [(TaskState::Failed, "t1-end"), (TaskState::Submitted, "t1-wait")] {
            let view = TaskView { reason: "why".to_owned(), ..view(state) };
            let message = view.status().message.unwrap();
            assert_eq!((message.message_id.as_str(), message.role), (id, Role::Agent));
            assert_eq!(message.parts, [Part::text("why")]);
            let update = serde_json::to_value(view.status_update()).unwrap();
            assert_eq!(update["statusUpdate"]["status"]["state"], state.as_str());
        }
    }

    #[test]
    fn what_is_no_outcome_is_refused() {
        assert_eq!(Outcome::parse(b""), Ok(Outcome::default()));
        assert_eq!(Outcome::parse(b"{}"), Ok(Outcome::default()));
        let empty = br#"{"artifacts":[{"artifactId":"a","parts":[]}]}"#;
        assert_eq!(Outcome::parse(empty), Ok(Outcome::default()));
        for bad in ["[]", "{", r#"{"artifacts":{}}"#, r#"{"artifacts":[1]}"#, r#"{"message":"x"}"#]
        {
            assert_eq!(Outcome::parse(bad.as_bytes()), Err(NotAnOutcome), "{bad}");
        }
    }

    #[test]
    fn a_node_tells_no_end_and_no_ids() {
        let task = view(TaskState::Working);
        let update = |state| {
            StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
                task_id: "forged".to_owned(),
                context_id: "forged".to_owned(),
                status: TaskStatus::new(state, WallMs(0)),
                metadata: None,
            })
        };
        let Some(StreamResponse::StatusUpdate(interim)) = task.interim(update(TaskState::Working))
        else {
            panic!("an interim status is told")
        };
        assert_eq!((interim.task_id.as_str(), interim.context_id.as_str()), ("t1", "c1"));
        for &state in TaskState::ALL {
            let shown = task.interim(update(state)).is_some();
            assert_eq!(
                shown,
                matches!(state, TaskState::Submitted | TaskState::Working),
                "{state:?}"
            );
        }
        assert_eq!(task.interim(StreamResponse::Task(task.task(None))), None);
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
            let state = state(word).unwrap();
            assert_eq!((state.as_str(), view(state).is_over()), (name, over));
            assert_eq!(super::word(state), Some(word));
        }
        assert_eq!(state("running"), None);
        assert_eq!(super::word(TaskState::AuthRequired), None);
    }
}
