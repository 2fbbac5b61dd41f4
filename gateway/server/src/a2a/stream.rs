//! SendStreamingMessage: the task as server-sent events.
//!
//! Decides the order (A2A 1.0, section 3.1.2): the Task, updates as they come and what it waits for, what artifacts of
//! the outcome were not seen whole, and the final status. Must never tell an end that is not
//! committed, nor anything to a peer that may not act any more, and does no work for a client that
//! has left: dropping the body drops all of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deploy_service::Place;
use futures_util::stream;
use gateway_core::task_view::TaskView;
use gateway_core::{Caller, Failure};
use http::header::{CACHE_CONTROL, HeaderName};
use http::{HeaderValue, StatusCode};
use proto_types::a2a::rpc::Id;
use proto_types::a2a::{Artifact, Part, StreamResponse};
use proto_types::{Digest, Origin};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::gateway::Gateway;
use crate::reply;
use crate::waiting::{Unread, Waiter};

use super::follow::{self, Pace};
use super::frames::{End, Frame, Frames};
use super::lookup::{Found, Lookup};
use super::send::Submitted;
use super::submit::Unheard;
use super::task::view;

/// Artifacts of one task that are kept track of; the outcome brings the others. Arbitrary.
const SEEN_MAX: usize = 1_024;
/// An agent that answers with a message does it at once: for so long the task is not told, because a stream holds one or
/// the other. Any event of the agent, and any end but a message, tells the task before.
const MESSAGE_WAIT: Duration = Duration::from_millis(500);
/// A comment: readers of the stream pass over it, proxies see that it lives.
const HEARTBEAT: &[u8] = b": \n\n";

/// The answer to a message whose caller follows its task.
pub(super) fn answer(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    id: Id,
    submitted: Submitted,
) -> Result<Response, Failure> {
    let mut follow = Follow::new(gateway, caller, id, submitted)?;
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

struct Follow {
    gateway: Arc<Gateway>,
    caller: Caller,
    id: Id,
    /// Without what was said in it: that is not held for as long as a stream is open. Its reason is the one told last.
    task: TaskView,
    waiter: Waiter,
    ready: Frames,
    /// What was told of each artifact: a digest over its parts so far.
    seen: BTreeMap<String, Digest>,
    ask: Instant,
    pace: Pace,
    /// What the registry is being asked: frames are sent meanwhile, for a registry that is away takes seconds. It goes on
    /// where the body is not asked for frames: an answer that nobody took would stand before all others of its connection.
    lookups: JoinSet<Lookup>,
    /// When a comment is due: so long after the last frame, whatever was looked up meanwhile.
    beat: Instant,
    end: Instant,
    over: bool,
    /// The task as it was submitted, until it is told.
    unsent: Option<Frame>,
    /// Until then it is canceled if the caller hangs up.
    unheard: Option<Unheard>,
    /// When it is told whatever else there is.
    open_at: Instant,
}

impl Follow {
    fn new(
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: Id,
        submitted: Submitted,
    ) -> Result<Self, Failure> {
        let Submitted { task, waiter, unread, unheard, history_length, .. } = submitted;
        let first = Frame::event(&id, &StreamResponse::Task(task.task(history_length)), unread)?;
        let (now, mut pace) = (Instant::now(), Pace::of(gateway, &task));
        Ok(Self {
            gateway: Arc::clone(gateway),
            caller: caller.clone(),
            id,
            waiter,
            ready: Frames::default(),
            seen: BTreeMap::new(),
            ask: now + pace.pause(false),
            pace,
            lookups: JoinSet::new(),
            beat: now + gateway.heartbeat(),
            end: now + gateway.patience(),
            over: task.is_over(),
            open_at: now + MESSAGE_WAIT,
            unsent: Some(first),
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
            let is_idle = self.lookups.is_empty();
            tokio::select! {
                // Events that wait are told before the end is looked for.
                biased;
                Some(unread) = self.waiter.events.recv() => self.tell_event(unread),
                Some(lookup) = self.lookups.join_next() => self.tell_lookup(lookup),
                () = self.waiter.changed.notified(), if is_idle => self.look(true),
                () = sleep_until(self.ask.min(self.end)), if is_idle => self.look(false),
                // What is being looked for may be a message.
                () = sleep_until(self.open_at), if is_idle && self.unsent.is_some() => self.open(),
                () = sleep_until(self.beat) => return Some(Bytes::from_static(HEARTBEAT)),
            }
        }
    }

    /// A caller that may not act any more is told so instead of whatever was to be told.
    fn check_caller(&mut self) {
        if self.over && self.ready.is_empty() {
            return;
        }
        if let Err(failure) = self.gateway.check_caller(&self.caller) {
            self.ready.clear();
            self.tell_failure(&failure);
        }
    }

    /// Begins to ask the registry how the task is.
    fn look(&mut self, reported: bool) {
        let (gateway, caller) = (Arc::clone(&self.gateway), self.caller.clone());
        let (task, room) = (self.task.clone(), self.waiter.room.clone());
        self.lookups.spawn(async move {
            let found = follow::look(&gateway, &caller, &task, reported).await;
            Lookup::new(reported, found, &room)
        });
    }

    fn tell_lookup(&mut self, lookup: Result<Lookup, JoinError>) {
        let lost = |_| Lookup { reported: false, found: Err(Failure::Internal) };
        let Lookup { reported, found } = lookup.unwrap_or_else(lost);
        let outcome = match found {
            Ok(Found::Nothing) => Ok(Failure::Deadline),
            Ok(Found::Full(full)) => Ok(Failure::from(full)),
            Ok(Found::Task(task, unread)) => view(&task).map(|task| self.tell_task(task, unread)),
            Err(failure) => Err(failure),
        };
        self.ask = Instant::now() + self.pace.pause(reported);
        match outcome {
            Err(failure) => self.tell_failure(&failure),
            Ok(late) if !self.over && Instant::now() >= self.end => self.tell_failure(&late),
            Ok(_) => {}
        }
    }

    /// Tells how the task is; what its caller is told if it has no more patience.
    fn tell_task(&mut self, task: TaskView, unread: Place<Origin>) -> Failure {
        match task.is_over() {
            true => self.tell_end(&task, unread),
            false => self.tell_wait(task),
        }
        Failure::Deadline
    }

    /// Tells what the task waits for, if that has changed.
    fn tell_wait(&mut self, task: TaskView) {
        self.pace.note(&self.gateway, &task);
        let is_news = task.reason != self.task.reason;
        self.task.reason.clone_from(&task.reason);
        if is_news && !task.reason.is_empty() {
            self.open();
            self.tell(&task.bare().status_update(), None);
        }
    }

    /// Tells the task, once. From here on the answer is no message any more (A2A 1.0, section 3.1.2).
    fn open(&mut self) {
        self.hear();
        if let Some(first) = self.unsent.take() {
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

    fn tell_end(&mut self, task: &TaskView, mut unread: Place<Origin>) {
        self.hear();
        // What came before the end is told before it.
        while let Ok(unread) = self.waiter.events.try_recv() {
            self.tell_event(unread);
        }
        if let Some(message) = task.message().filter(|_| self.unsent.is_some()) {
            self.tell(&StreamResponse::Message(message), Some(unread));
            self.over = true;
            return;
        }
        self.open();
        let unsent = task.outcome.artifacts.iter().filter(|artifact| {
            self.seen.get(&artifact.artifact_id) != Some(&digest(None, &artifact.parts))
        });
        let end = End::new(&self.id, self.task.clone(), unsent, &task.status_update());
        unread.recount(end.held());
        self.ready.end(end, unread);
        self.over = true;
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
