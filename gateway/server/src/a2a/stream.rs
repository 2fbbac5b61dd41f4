//! A task as a stream of events: SendStreamingMessage, and SubscribeToTask.
//!
//! Decides the order (A2A 1.0, section 3.1.2): the Task, updates as they come and what it waits for, what artifacts of
//! the outcome were not seen whole, and the final status. Must never tell an end that is not
//! committed, nor anything to a peer that may not act any more, and does no work for a client that
//! has left: dropping the body drops all of it.

mod begin;

use std::sync::Arc;

use bytes::Bytes;
use deploy_service::Place;
use gateway_core::task_view::TaskView;
use gateway_core::{Caller, Failure};
use proto_types::TaskOwner;
use proto_types::a2a::StreamResponse;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::gateway::Gateway;
use crate::waiting::{Lasting, Mark, Unread, Waiter};

use super::binding::Binding;
use super::follow::{self, Pace};
use super::frames::{End, Frame, Frames};
use super::lookup::{Found, Lookup};
use super::numbered::Numbered;
use super::submit::Unheard;
use super::subscribe::Subscription;
use super::task::view;
use super::told::ToldArtifacts;

pub(super) use self::begin::answer;

struct Follow {
    gateway: Arc<Gateway>,
    caller: Caller,
    binding: Binding,
    /// Without what was said in it: that is not held for as long as a stream is open. Its reason is the one told last.
    task: TaskView,
    /// How many of its turns had ended before: the one that is followed comes then.
    turn: usize,
    waiter: Waiter,
    ready: Frames,
    told: ToldArtifacts,
    /// Where its events have ids.
    numbered: Option<Numbered>,
    ask: Instant,
    pace: Pace,
    /// What the registry is being asked: frames are sent meanwhile, for a registry that is away takes seconds. It goes on
    /// where the body is not asked for frames: an answer that nobody took would stand before all others of its connection.
    lookups: JoinSet<Lookup>,
    /// How the node is asked for the events of a task that was not submitted here.
    subscription: Option<Subscription>,
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
    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let frame = self.await_frame().await;
        self.beat = Instant::now() + self.gateway.heartbeat();
        frame
    }

    async fn await_frame(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            self.check_caller();
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame.sent);
            }
            if self.over {
                return None;
            }
            let is_idle = self.lookups.is_empty();
            tokio::select! {
                // Events that wait are told before the end is looked for, and may come without a pause.
                biased;
                () = self.gateway.leaving() => self.leave(),
                Some(unread) = self.waiter.events.recv() => self.tell_event(unread),
                Some(lookup) = self.lookups.join_next() => self.tell_lookup(lookup),
                () = self.waiter.changed.notified(), if is_idle => self.look(true),
                () = sleep_until(self.ask.min(self.end)), if is_idle => self.look(false),
                // What is being looked for may be a message.
                () = sleep_until(self.open_at), if is_idle && self.unsent.is_some() => self.open(),
                () = sleep_until(self.beat) => match self.binding.heartbeat() {
                    Some(comment) => return Some(Ok(comment)),
                    None => self.beat = Instant::now() + self.gateway.heartbeat(),
                },
            }
        }
    }

    /// A caller that may not act any more is told so instead of whatever was to be told.
    fn check_caller(&mut self) {
        if self.over && self.ready.is_empty() {
            return;
        }
        if let Err(failure) = self.gateway.check_lasting(&self.caller, Lasting::Stream) {
            self.ready.clear();
            self.tell_failure(failure);
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
            Ok(Found::Task(task, unread)) => {
                let at = self.numbered.as_ref().map(Numbered::at);
                if let Some(subscription) = &mut self.subscription {
                    subscription.renew(&self.gateway, &task, at);
                }
                let epoch = task.epoch;
                view(&task).map(|task| self.tell_task((task, epoch), unread))
            }
            Err(failure) => Err(failure),
        };
        self.ask = Instant::now() + self.pace.pause(reported);
        match outcome {
            Err(failure) => self.tell_failure(failure),
            Ok(late) if !self.over && Instant::now() >= self.end => self.tell_failure(late),
            Ok(_) => {}
        }
    }

    /// Tells how the task is; what its caller is told if it has no more patience. Its caller may have gone on with it
    /// elsewhere, before it was looked at again: its turn has ended all the same.
    fn tell_task(&mut self, (task, epoch): (TaskView, u64), unread: Place<TaskOwner>) -> Failure {
        let is_followed = task.state.is_terminal() || task.turns.len() >= self.turn;
        match task.at_end_of(self.turn) {
            Some(ended) => self.tell_end((&ended, None), unread),
            None if task.is_over() && is_followed => self.tell_end((&task, Some(epoch)), unread),
            None => self.tell_wait(task),
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

    /// Ends with the task told: whoever knows it follows it at another gateway.
    fn leave(&mut self) {
        self.open();
        self.waiter.events.close();
        while !self.over
            && let Ok(unread) = self.waiter.events.try_recv()
        {
            self.tell_event(unread);
        }
        if !self.over {
            self.tell_failure(Failure::Stopping);
        }
    }

    fn hear(&mut self) {
        if let Some(unheard) = self.unheard.take() {
            unheard.answered();
        }
    }

    fn tell_event(&mut self, unread: Unread) {
        let Unread { event, mark, place } = unread;
        // It was readable when it came.
        let Ok(pushed) = StreamResponse::parse(&event) else { return };
        let Some(event) = self.task.interim(pushed) else { return };
        let is_told = self.number(mark);
        if let StreamResponse::ArtifactUpdate(update) = &event
            && (is_told || mark.known)
        {
            self.told.note(&update.artifact, update.append);
        }
        if is_told {
            self.open();
            self.tell(&event, Some(place));
        }
    }

    /// Whether an event that a node pushes is to be told; the task before it, if its caller lacks what came between.
    fn number(&mut self, mark: Mark) -> bool {
        let Some(numbered) = &mut self.numbered else { return !mark.known };
        if let Some(snapshot) = numbered.before(mark) {
            self.ready.push_back(snapshot);
        }
        numbered.take(mark)
    }

    fn tell_end(&mut self, (task, epoch): (&TaskView, Option<u64>), mut unread: Place<TaskOwner>) {
        self.hear();
        // What came before the end is told before it.
        while let Ok(unread) = self.waiter.events.try_recv() {
            self.tell_event(unread);
        }
        let field = self.field();
        if let Some(numbered) = &mut self.numbered
            && let Some(snapshot) = numbered.end(epoch)
        {
            self.ready.push_back(snapshot);
        }
        if let Some(message) = task.message().filter(|_| self.unsent.is_some()) {
            self.tell(&StreamResponse::Message(message), Some(unread));
            self.over = true;
            return;
        }
        self.open();
        let artifacts = task.outcome.artifacts.iter();
        let unsent = artifacts.filter(|artifact| !self.told.is_told(artifact));
        let (last, status) = (self.field(), task.status_update());
        let (unsent, last) = ((unsent, field), (&status, last.as_str()));
        let end = End::new(&self.binding, self.task.clone(), unsent, last);
        unread.recount(end.held());
        self.ready.end(end, unread);
        self.over = true;
    }

    fn tell_failure(&mut self, failure: Failure) {
        self.ready.push_back(Frame::failure(failure));
        self.over = true;
    }

    /// The field of a frame with the id of the newest event; none where they have no ids.
    fn field(&self) -> String {
        self.numbered.as_ref().map_or_else(String::new, Numbered::field)
    }

    fn tell(&mut self, event: &StreamResponse, unread: Option<Place<TaskOwner>>) {
        let field = self.field();
        match Frame::event((&self.binding, field.as_str()), event, unread) {
            Ok(frame) => self.ready.push_back(frame),
            Err(failure) => self.tell_failure(failure),
        }
    }
}
