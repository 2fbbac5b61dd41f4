//! The frames of one stream that are to be sent.
//!
//! Decides in which order they go, and that those of a task's end are made one at a time. Must
//! never hold what does not count for the caller who leaves it unread.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use deploy_service::Place;
use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Failure};
use proto_types::TaskOwner;
use proto_types::a2a::{Artifact, StreamResponse};

use super::binding::Binding;

/// A frame that is ready to be sent; a failure is the last one.
pub(super) struct Frame {
    pub(super) sent: Result<Bytes, Failure>,
    /// What it takes of what its caller may leave unread; nothing for what is sent at once.
    _unread: Option<Place<TaskOwner>>,
}

impl Frame {
    /// A frame that tells an event, with these fields. Whatever room was taken for it, it counts for what it is.
    pub(super) fn event(
        (binding, fields): (&Binding, &str),
        event: &StreamResponse,
        mut unread: Option<Place<TaskOwner>>,
    ) -> Result<Self, Failure> {
        let bytes = binding.frame_with(fields, event)?;
        if let Some(unread) = &mut unread {
            unread.recount(bytes.len() as u64);
        }
        Ok(Self { sent: Ok(bytes), _unread: unread })
    }

    /// A frame that tells why nothing follows it.
    pub(super) const fn failure(failure: Failure) -> Self {
        Self { sent: Err(failure), _unread: None }
    }
}

/// How a task ended, as far as it is to be told: artifacts, then the status. As frames, or read, many small artifacts
/// take many times their bytes.
pub(super) struct End {
    binding: Binding,
    task: TaskView,
    /// In JSON, each on a line of its own.
    artifacts: Bytes,
    /// Of the frame of each artifact.
    fields: String,
    status: Option<Result<Bytes, Failure>>,
}

impl End {
    /// The end of a task: what is still to be told of its artifacts, with these fields, and how it stands, with its own.
    pub(super) fn new<'a>(
        binding: &Binding,
        task: TaskView,
        (artifacts, fields): (impl Iterator<Item = &'a Artifact>, String),
        (status, last): (&StreamResponse, &str),
    ) -> Self {
        let mut lines = Vec::new();
        for artifact in artifacts {
            serde_json::to_writer(&mut lines, artifact).expect("an artifact has string keys only");
            lines.push(b'\n');
        }
        let status = Some(binding.frame_with(last, status));
        let artifacts = Bytes::from(lines.into_boxed_slice());
        Self { binding: binding.clone(), task, artifacts, fields, status }
    }

    /// What is held of it.
    pub(super) fn held(&self) -> u64 {
        let status = self.status.as_ref().and_then(|status| status.as_ref().ok());
        (self.artifacts.len() + status.map_or(0, Bytes::len)) as u64
    }

    fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let Some(length) = self.artifacts.iter().position(|byte| *byte == b'\n') else {
            return self.status.take();
        };
        let line = self.artifacts.split_to(length);
        self.artifacts.advance(1);
        let told = self.artifact(&line);
        if told.is_err() {
            self.artifacts.clear();
            self.status = None;
        }
        Some(told)
    }

    fn artifact(&self, line: &[u8]) -> Result<Bytes, Failure> {
        let unreadable = |_| Failure::Call(CallError::AgentResponse);
        let artifact = Artifact::parse(line).map_err(unreadable)?;
        self.binding.frame_with(&self.fields, &self.task.artifact_update(&artifact))
    }
}

/// What is to be sent: frames that are ready, then a task's end.
#[derive(Default)]
pub(super) struct Frames {
    ready: VecDeque<Frame>,
    /// With what it takes until all of it is sent.
    end: Option<(End, Place<TaskOwner>)>,
}

impl Frames {
    pub(super) fn push_back(&mut self, frame: Frame) {
        self.ready.push_back(frame);
    }

    /// Nothing follows the end.
    pub(super) fn end(&mut self, end: End, unread: Place<TaskOwner>) {
        self.end = Some((end, unread));
    }

    pub(super) fn pop_front(&mut self) -> Option<Frame> {
        if let Some(frame) = self.ready.pop_front() {
            return Some(frame);
        }
        let (end, _) = self.end.as_mut()?;
        let sent = end.next();
        if end.status.is_none() {
            self.end = None;
        }
        sent.map(|sent| Frame { sent, _unread: None })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.end.is_none()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use deploy_service::Pool;
    use gateway_core::task_view::Outcome;
    use proto_types::a2a::TaskState;
    use proto_types::a2a::rpc::Id;
    use proto_types::{Class, ContextId, Revision, Shares, TaskId, WallMs};
    use serde_json::{Value, json};

    use super::*;

    fn task() -> TaskView {
        let uuid = "0197f2a0-0000-7000-8000-000000000000";
        TaskView {
            id: TaskId::parse(uuid).unwrap(),
            context: ContextId::parse(uuid).unwrap(),
            state: TaskState::Completed,
            changed_at: WallMs(0),
            reason: String::new(),
            revision: Revision(1),
            gateway: String::new(),
            turns: Vec::new(),
            input: None,
            outcome: Outcome::default(),
        }
    }

    fn unread() -> Pool<TaskOwner> {
        Pool::new(Shares::new(64 << 20).without_reserve())
    }

    fn room(pool: &Pool<TaskOwner>, bytes: u64) -> Place<TaskOwner> {
        pool.places(Class::Ordinary, TaskOwner::parse("https://a.example").unwrap(), bytes).unwrap()
    }

    fn binding() -> Binding {
        Binding::json_rpc(Id::from("call-1"))
    }

    fn json_of(frame: &Frame) -> Value {
        let text = std::str::from_utf8(frame.sent.as_ref().unwrap()).unwrap();
        serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap()
    }

    #[test]
    fn an_end_of_many_artifacts_holds_their_json_and_its_frames_are_made_one_at_a_time() {
        let artifact = |at: u32| {
            let artifact = json!({"artifactId": at.to_string(), "parts": [{"data": at}]});
            Artifact::from_value(&artifact).unwrap()
        };
        let artifacts: Vec<_> = (0..20_000).map(artifact).collect();
        let (binding, pool, mut frames) = (binding(), unread(), Frames::default());
        let first = StreamResponse::Task(task().task(None));
        frames.push_back(Frame::event((&binding, ""), &first, None).unwrap());
        let status = task().status_update();
        let end = End::new(&binding, task(), (artifacts.iter(), String::new()), (&status, ""));
        let held = end.held();
        frames.end(end, room(&pool, held));
        assert!(json_of(&frames.pop_front().unwrap())["result"]["task"].is_object());
        let mut sent = 0;
        for artifact in &artifacts {
            let frame = frames.pop_front().unwrap();
            let event = json_of(&frame);
            let shown = &event["result"]["artifactUpdate"]["artifact"];
            assert_eq!(*shown, serde_json::to_value(artifact).unwrap());
            sent += frame.sent.as_ref().unwrap().len() as u64;
            assert_eq!(pool.taken(), held);
        }
        assert!(sent > 4 * held, "{sent} bytes of frames, {held} held");
        let last = json_of(&frames.pop_front().unwrap());
        assert_eq!(last["result"]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
        assert!(frames.pop_front().is_none());
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn an_artifact_of_an_end_is_told_as_its_agent_wrote_it() {
        let written =
            r#"{"artifactId":"a","parts":[{"text":"x\ny"},{"data":{"n":9007199254740993}}]}"#;
        let artifact = Artifact::parse(written.as_bytes()).unwrap();
        let status = task().status_update();
        let artifacts = ([&artifact].into_iter(), String::new());
        let mut end = End::new(&binding(), task(), artifacts, (&status, ""));
        let frame = end.next().unwrap().unwrap();
        assert!(std::str::from_utf8(&frame).unwrap().contains(written), "{frame:?}");
    }

    #[test]
    fn a_frame_counts_for_what_it_is_until_it_is_sent() {
        let pool = unread();
        let event = task().status_update();
        let frame = Frame::event((&binding(), ""), &event, Some(room(&pool, 1))).unwrap();
        assert_eq!(pool.taken(), frame.sent.as_ref().unwrap().len() as u64);
        drop(frame);
        assert_eq!(pool.taken(), 0);
    }
}
