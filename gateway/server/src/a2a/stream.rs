//! SendStreamingMessage: the task as server-sent events.
//!
//! Decides the order (A2A 1.0, section 3.1.2): the Task, updates as they come, what artifacts of
//! the outcome were not seen whole, and the final status. Must never tell an end that is not
//! committed, nor anything to a peer that may not act any more, and does no work for a client that
//! has left: dropping the body drops all of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deploy_service::Place;
use futures_util::future::BoxFuture;
use futures_util::stream;
use gateway_core::params::Send;
use gateway_core::task_view::TaskView;
use gateway_core::{Caller, Failure};
use http::header::{CACHE_CONTROL, HeaderName};
use http::{HeaderValue, StatusCode};
use proto_types::a2a::rpc::Id;
use proto_types::a2a::{Artifact, Part, StreamResponse};
use proto_types::{Digest, Origin};
use tokio::time::{Instant, sleep_until};

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::reply;
use crate::waiting::{Unread, Waiter};

use super::frames::{End, Frame, Frames};
use super::{follow, send};

/// Artifacts of one task that are kept track of; the outcome brings the others. Arbitrary.
const SEEN_MAX: usize = 1_024;
/// An agent that answers with a message does it at once: for so long the task is not told, because a stream holds one or
/// the other. Any event of the agent, and any end but a message, tells the task before.
const MESSAGE_WAIT: Duration = Duration::from_millis(500);
/// A comment: readers of the stream pass over it, proxies see that it lives.
const HEARTBEAT: &[u8] = b": \n\n";

pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    agent: &Agent,
    send: Send,
    id: Id,
) -> Result<Response, Failure> {
    let history_length = send.history_length;
    let submitted = send::submit(gateway, caller, agent, send, true).await?;
    let mut follow = Follow::new(gateway, caller, id, (submitted, history_length))?;
    if follow.over {
        follow.open();
    }
    let frames = stream::unfold(follow, |mut follow| async move {
        follow.next().await.map(|frame| (Ok::<_, Infallible>(frame), follow))
    });
    let mut response = reply::body(StatusCode::OK, "text/event-stream", Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx and its kin buffer unless told otherwise.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// What the registry was asked because it reported a change, or without that, and the task if it is over.
struct Looked {
    reported: bool,
    end: Result<Option<TaskView>, Failure>,
}

struct Follow {
    gateway: Arc<Gateway>,
    caller: Caller,
    id: Id,
    /// Without what was said in it: that is not held for as long as a stream is open.
    task: TaskView,
    waiter: Waiter,
    ready: Frames,
    /// What was told of each artifact: a digest over its parts so far.
    seen: BTreeMap<String, Digest>,
    ask: Instant,
    /// What the registry is being asked. Frames are sent meanwhile: a registry that is away takes seconds.
    looking: Option<BoxFuture<'static, Looked>>,
    /// When a comment is due: so long after the last frame, whatever was looked at meanwhile.
    beat: Instant,
    end: Instant,
    over: bool,
    /// The task as it was submitted, until it is told.
    untold: Option<Frame>,
    /// Until then it is canceled if the caller hangs up.
    unheard: Option<send::Unheard>,
    /// When it is told whatever else there is.
    open_at: Instant,
}

impl Follow {
    fn new(
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: Id,
        (submitted, history_length): (send::Submitted, Option<u32>),
    ) -> Result<Self, Failure> {
        let send::Submitted { task, waiter, unread, unheard } = submitted;
        let first = Frame::event(&id, &StreamResponse::Task(task.task(history_length)), unread)?;
        let now = Instant::now();
        Ok(Self {
            gateway: Arc::clone(gateway),
            caller: caller.clone(),
            id,
            waiter,
            ready: Frames::default(),
            seen: BTreeMap::new(),
            ask: now + follow::ASK,
            looking: None,
            beat: now + gateway.heartbeat(),
            end: now + gateway.patience(),
            over: task.is_over(),
            open_at: now + MESSAGE_WAIT,
            untold: Some(first),
            unheard,
            task: task.bare(),
        })
    }

    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let frame = self.await_frame().await;
        self.beat = Instant::now() + self.gateway.heartbeat();
        frame
    }

    async fn await_frame(&mut self) -> Option<Bytes> {
        loop {
            self.check_caller();
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame.bytes);
            }
            if self.over {
                return None;
            }
            let is_idle = self.looking.is_none();
            tokio::select! {
                // Events that wait are told before the end is looked for.
                biased;
                Some(unread) = self.waiter.events.recv() => self.tell_event(unread),
                looked = answered(&mut self.looking) => self.tell_looked(looked),
                () = self.waiter.changed.notified(), if is_idle => self.look(true),
                () = sleep_until(self.ask.min(self.end)), if is_idle => self.look(false),
                // What is being looked for may be a message.
                () = sleep_until(self.open_at), if is_idle && self.untold.is_some() => self.open(),
                () = sleep_until(self.beat) => return Some(Bytes::from_static(HEARTBEAT)),
            }
        }
    }

    /// A caller that may not act any more is told so instead of whatever was to be told.
    fn check_caller(&mut self) {
        if self.over {
            return;
        }
        if let Err(failure) = self.gateway.check_caller(&self.caller) {
            self.ready.clear();
            self.tell_failure(&failure);
        }
    }

    /// Begins to ask the registry for the end.
    fn look(&mut self, reported: bool) {
        let (gateway, caller) = (Arc::clone(&self.gateway), self.caller.clone());
        let task = self.task.clone();
        self.looking = Some(Box::pin(async move {
            let end = follow::over(&gateway, &caller, &task, reported).await;
            Looked { reported, end }
        }));
    }

    fn tell_looked(&mut self, Looked { reported, end }: Looked) {
        self.looking = None;
        self.ask = Instant::now() + if reported { follow::ASK_AGAIN } else { follow::ASK };
        let is_told = match end {
            Ok(Some(task)) => self.tell_end(&task),
            Ok(None) => false,
            Err(failure) => return self.tell_failure(&failure),
        };
        if !is_told && Instant::now() >= self.end {
            self.tell_failure(&Failure::Deadline);
        }
    }

    /// Tells the task, once. From here on the answer is no message any more (A2A 1.0, section 3.1.2).
    fn open(&mut self) {
        self.hear();
        if let Some(first) = self.untold.take() {
            self.ready.push_back(first);
        }
    }

    fn hear(&mut self) {
        if let Some(unheard) = self.unheard.take() {
            unheard.answered();
        }
    }

    fn tell_event(&mut self, unread: Unread) {
        // It was readable when it came.
        let Ok(pushed) = StreamResponse::parse(&unread.event) else { return };
        let Some(event) = self.task.interim(pushed) else { return };
        self.open();
        if let StreamResponse::ArtifactUpdate(update) = &event {
            self.note(&update.artifact, update.append);
        }
        self.tell(&event, Some(unread.place));
    }

    /// Tells the end; false if its caller leaves so much unread that there is no room for it yet.
    fn tell_end(&mut self, task: &TaskView) -> bool {
        self.hear();
        // What came before the end is told before it.
        while let Ok(unread) = self.waiter.events.try_recv() {
            self.tell_event(unread);
        }
        if let Some(message) = task.message().filter(|_| self.untold.is_some()) {
            self.tell(&StreamResponse::Message(message), None);
            self.over = true;
            return true;
        }
        self.open();
        let untold = task.outcome.artifacts.iter().filter(|artifact| {
            self.seen.get(&artifact.artifact_id) != Some(&digest(None, &artifact.parts))
        });
        let end = End::new(&self.id, self.task.clone(), untold, &task.status_update());
        let Ok(unread) = self.waiter.room(end.held()) else { return false };
        self.ready.end(end, unread);
        self.over = true;
        true
    }

    fn tell_failure(&mut self, failure: &Failure) {
        self.ready.push_back(Frame::failure(&self.id, failure));
        self.over = true;
    }

    fn tell(&mut self, event: &StreamResponse, unread: Option<Place<Origin>>) {
        match Frame::event(&self.id, event, unread) {
            Ok(frame) => self.ready.push_back(frame),
            Err(failure) => self.tell_failure(&failure),
        }
    }

    fn note(&mut self, artifact: &Artifact, append: bool) {
        let before = self.seen.get(&artifact.artifact_id).copied();
        if before.is_none() && self.seen.len() >= SEEN_MAX {
            return;
        }
        let now = digest(before.filter(|_| append), &artifact.parts);
        self.seen.insert(artifact.artifact_id.clone(), now);
    }
}

/// The registry's answer; never, where it was not asked.
async fn answered(looking: &mut Option<BoxFuture<'static, Looked>>) -> Looked {
    match looking {
        Some(looking) => looking.await,
        None => pending().await,
    }
}

/// A digest over the parts told so far, one after the other: the same whether they came in one
/// chunk or in many.
fn digest(before: Option<Digest>, parts: &[Part]) -> Digest {
    let start = before.unwrap_or(Digest([0; 32]));
    parts.iter().fold(start, |sum, part| {
        // The same part prints the same, and numbers that no canonical form holds are told apart.
        let part = serde_json::to_vec(part).expect("a part has string keys only");
        Digest::of_parts(&[sum.as_bytes(), &part])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_the_whole_have_one_digest() {
        let parts = |texts: &[&str]| texts.iter().map(|text| Part::text(*text)).collect::<Vec<_>>();
        let first = digest(None, &parts(&["x"]));
        let chunked = digest(Some(first), &parts(&["y", "z"]));
        assert_eq!(chunked, digest(None, &parts(&["x", "y", "z"])));
        assert_ne!(chunked, digest(None, &parts(&["x", "y"])));
        assert_ne!(chunked, digest(None, &parts(&["xy", "z"])));
    }
}
