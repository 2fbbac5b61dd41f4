//! Doing what a task's core says, in order, each in the background where it takes time.
//! It must never act on a note of another epoch than the one held.

use std::io;
use std::sync::Arc;

use node_core::task::Because;
use node_core::{Event, Outcome, Output};
use node_wasm::Io;
use proto_types::{Digest, LeaseEpoch, TaskId};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_message::Kind;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::journal::Line;
use crate::outcome::{Artifacts, Settlement, settle};
use crate::{push, work};

use super::note::{News, Note};
use super::{TaskSupervisor, report};

/// A guest's events that wait for the push; when it is full the guest waits.
const EVENTS: usize = 16;

impl TaskSupervisor {
    /// Does every output that the task's core has ready.
    pub(crate) fn pump(&mut self, id: &TaskId) {
        while let Some(output) = self.held.get_mut(id).and_then(|held| held.task.poll_output()) {
            match output {
                Output::Persist => self.persist(id),
                Output::Accept => self.accept(id),
                Output::Refuse(refusal) => self.hand_back(id, &refusal.to_string()),
                Output::Prepare => self.prepare(id),
                Output::Run => self.start(id),
                Output::Kill(because) => self.kill(id, because),
                Output::Report { epoch, outcome } => self.report(id, epoch, &outcome),
                Output::SetTimer(at) => {
                    if let Some(held) = self.held.get_mut(id) {
                        held.timer = Some(at);
                    }
                }
                Output::Forget => self.forget(id),
            }
        }
        if self.held.get(id).is_some_and(|held| held.task.is_idle()) {
            self.reservations.release(id);
        }
    }

    /// Takes a note in, if it is about the epoch that is held.
    pub(crate) fn noted(&mut self, note: Note) {
        let Some(held) = self.held.get_mut(&note.task) else {
            // It was given up while it was written down.
            if let News::Event(Event::Persisted) = note.news {
                self.strike(Line { task: note.task, epoch: note.epoch });
            }
            return;
        };
        if held.task.assignment().epoch != note.epoch {
            return;
        }
        let event = match note.news {
            News::Event(event) => event,
            News::Prepared(prepared) => {
                held.prepared = Some(prepared);
                Event::Prepared
            }
            News::Ran(outcome, artifacts) => {
                held.artifacts = artifacts;
                Event::Ran(outcome)
            }
            News::Committed => {
                self.summary.completed += 1;
                Event::Reported
            }
        };
        self.handle(&note.task, event);
    }

    fn persist(&mut self, id: &TaskId) {
        let Some(held) = self.held.get(id) else { return };
        let line = Line { task: id.clone(), epoch: held.task.assignment().epoch };
        let (task, path, journal) = (id.clone(), self.journal.path(id), self.journal.clone());
        self.spawn(id, async move {
            let written = tokio::task::spawn_blocking(move || journal.write(&line)).await;
            let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
            let Err(error) = written else { return News::Event(Event::Persisted) };
            tracing::warn!(%task, path = %path.display(), %error, "a task cannot be written down");
            News::Event(Event::PersistFailed { reason: error.to_string() })
        });
    }

    fn accept(&mut self, id: &TaskId) {
        let Some(held) = self.held.get(id) else { return };
        let accepted = wire::Accepted { task: id.to_string(), epoch: held.assigned.epoch };
        self.say(Kind::Accepted(accepted));
    }

    /// Not taken: the leader hears why, and the supervisor drops it.
    fn hand_back(&mut self, id: &TaskId, reason: &str) {
        let Some(held) = self.held.get(id) else { return };
        let epoch = held.task.assignment().epoch;
        self.release(id, epoch, reason);
        self.forget(id);
    }

    fn prepare(&mut self, id: &TaskId) {
        let Some(held) = self.held.get(id) else { return };
        let (task, plan) = (id.clone(), held.plan.clone());
        let (runtime, artifacts) = (Arc::clone(&self.runtime), self.artifacts.clone());
        let span = held.span.part("prepare");
        self.spawn(id, async move {
            match span.scope(work::prepare(&runtime, &artifacts, &plan)).await {
                Ok(prepared) => News::Prepared(prepared),
                Err(outcome) => {
                    warn_of_fault(&task, &plan.artifact, &outcome);
                    News::Event(Event::PrepareFailed(outcome))
                }
            }
        });
    }

    fn start(&mut self, id: &TaskId) {
        let Some(held) = self.held.get_mut(id) else { return };
        let prepared =
            held.prepared.take().expect("the core runs only after Prepared, which noted() stored");
        let follows = held.follows.begin();
        let (events, receiver) = mpsc::channel(EVENTS);
        let run = work::Run {
            prepared,
            input: held.assigned.input.clone(),
            history: held.assigned.history.clone(),
            limits: held.plan.limits,
            io: Io { events, cancel: held.cancel.subscribe() },
            stop: held.stop.clone(),
        };
        let running = held.span.part("run").scope(work::run(Arc::clone(&self.runtime), run));
        let (task, artifact) = (id.clone(), held.plan.artifact);
        let assigned = held.assigned.clone();
        let (connector, clock) = (self.config.connector.clone(), self.clock);
        let source = push::Source { events: receiver, follows };
        self.spawn(id, async move {
            let (outcome, artifacts) =
                tokio::join!(running, push::drain(&assigned, source, connector, clock));
            warn_of_fault(&task, &artifact, &outcome);
            News::Ran(outcome, artifacts)
        });
    }

    fn kill(&mut self, id: &TaskId, because: Because) {
        let Some(held) = self.held.get(id) else { return };
        held.cancel.send_replace(true);
        if because == Because::LeaseLost {
            held.stop.trigger();
        }
    }

    fn report(&mut self, id: &TaskId, epoch: LeaseEpoch, outcome: &Outcome) {
        let Some(held) = self.held.get_mut(id) else { return };
        let artifacts: Artifacts = std::mem::take(&mut held.artifacts);
        match settle(&held.assigned, &held.plan.limits, outcome, &artifacts) {
            Settlement::Complete(request) => {
                let registry = Arc::clone(&self.registry);
                let (clock, deadline) = (self.clock, held.deadline);
                let overdue_us = move || clock.now().since(deadline);
                let work = async move { report::commit(&registry, request, overdue_us).await };
                let reporting = self.spawn(id, work).map(report::Reporting);
                if let Some(held) = self.held.get_mut(id) {
                    held.reporting = reporting;
                }
            }
            Settlement::Release(reason) => {
                self.release(id, epoch, &reason);
                self.summary.handed_back += 1;
                if let Some(held) = self.held.get_mut(id) {
                    held.task.handle(self.clock.now(), Event::Reported);
                }
            }
        }
    }

    fn forget(&mut self, id: &TaskId) {
        self.reservations.release(id);
        let Some(held) = self.held.remove(id) else { return };
        self.strike(Line { task: id.clone(), epoch: held.task.assignment().epoch });
    }

    /// Runs work in the background, in the task's trace; its news come back as a note.
    fn spawn(
        &self,
        id: &TaskId,
        work: impl Future<Output = News> + Send + 'static,
    ) -> Option<AbortHandle> {
        let held = self.held.get(id)?;
        let (task, epoch) = (id.clone(), held.task.assignment().epoch);
        let (notes, work) = (self.notes.0.clone(), held.span.scope(work));
        let work = tokio::spawn(async move {
            let news = work.await;
            // The supervisor is gone only when the node stops.
            let _ = notes.send(Note { task, epoch, news }).await;
        });
        Some(work.abort_handle())
    }
}

/// Says that this node failed a task: its caller and the registry hear it elsewhere, its operator here.
fn warn_of_fault(task: &TaskId, artifact: &Digest, outcome: &Outcome) {
    if let Outcome::Fault { reason, .. } = outcome {
        tracing::warn!(%task, %artifact, reason, "this node cannot run a task");
    }
}
