//! The life of one task on a node, under one lease.
//!
//! Decides what happens next, and in which order: persist, then accept, then run, then report.
//! Must never run a task twice, report anything once the lease is known to be lost, or run on
//! beyond the lease less [`LEASE_MARGIN_US`]: by then another node may be running it.
//!
//! The shell feeds [`Task::handle`] and [`Task::handle_timeout`], and then does, in order, what
//! [`Task::poll_output`] gives. Events that make no sense where the task stands are ignored: they
//! are late answers to questions that no longer matter.

use std::collections::VecDeque;

use proto_types::{Digest, Handle, LeaseEpoch, MonoUs, TaskId};

use crate::{Outcome, Refusal, Reservation};

/// How long before the lease ends the node kills the task. A lease of 10 s is renewed at a third of
/// its life, so the margin leaves room for two lost renewals before it and, after it, for a kill
/// that is four times as slow as the longest grace for a cancelled guest.
pub const LEASE_MARGIN_US: u64 = 2_000_000;

/// The code of a failure whose outcome the registry would not keep.
const REFUSED: &str = "outcome-refused";

/// A task that the registry gives to this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The task.
    pub task: TaskId,
    /// The agent that it is for.
    pub agent: Handle,
    /// What to run.
    pub artifact: Digest,
    /// What the ledger promised.
    pub reservation: Reservation,
    /// The fencing epoch: everything that the node says about the task carries it.
    pub epoch: LeaseEpoch,
    /// When the lease ends unless it is renewed, by the node's own clock.
    pub lease_expires: MonoUs,
}

/// What happened to the task.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The assignment is on disk.
    Persisted,
    /// The assignment could not be written.
    PersistFailed {
        /// What the machine said.
        reason: String,
    },
    /// The lease was granted or renewed, under the epoch named.
    LeaseRenewed {
        /// Under which epoch.
        epoch: LeaseEpoch,
        /// Until when, by the node's own clock.
        expires: MonoUs,
    },
    /// The registry says that the lease is gone.
    LeaseLost,
    /// The artifact is verified and compiled.
    Prepared,
    /// The artifact cannot be run; this is the task's outcome.
    PrepareFailed(Outcome),
    /// The run ended.
    Ran(Outcome),
    /// The caller wants the task cancelled.
    CancelRequested,
    /// The outcome is committed.
    Reported,
    /// The registry refused the outcome.
    ReportRefused(ReportRefusal),
    /// The node takes nothing new and wants to be empty by then, by its own clock.
    Drain {
        /// When a run that still goes on is killed.
        by: MonoUs,
    },
}

/// Why the registry did not commit an outcome. A report whose answer is in doubt is none of these: it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportRefusal {
    /// A newer epoch exists, or the task is over: whatever this node has to say of it is void.
    Superseded,
    /// The outcome itself cannot be kept, now or ever: it is not valid, or too large.
    Unacceptable {
        /// What is wrong with it.
        why: String,
    },
}

/// Why a run is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The caller's wish: the guest gets its grace.
    Cancelled,
    /// The lease is gone or about to end: at once.
    LeaseLost,
    /// The drain deadline: the guest gets its grace.
    Drained,
}

/// What the shell must do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Write the assignment to disk, then send `Persisted` or `PersistFailed`.
    Persist,
    /// Tell the registry that the node has the task.
    Accept,
    /// Tell the registry that the node will not take the task, and drop it.
    Refuse(Refusal),
    /// Verify and compile the artifact, then send `Prepared` or `PrepareFailed`.
    Prepare,
    /// Run it, then send `Ran`.
    Run,
    /// End the run; `Ran` still follows.
    Kill(Because),
    /// Tell the registry the outcome, under the epoch, until it is `Reported` or `ReportRefused`.
    Report {
        /// The epoch of the assignment.
        epoch: LeaseEpoch,
        /// The outcome.
        outcome: Outcome,
    },
    /// Call `handle_timeout` at that time; replaces the timer set before.
    SetTimer(MonoUs),
    /// Delete what was persisted and drop the task.
    Forget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offered,
    Preparing,
    Running,
    Stopping(Because),
    Reporting,
    Done,
}

/// One task.
#[derive(Debug)]
pub struct Task {
    assignment: Assignment,
    phase: Phase,
    lease_expires: MonoUs,
    drain_by: Option<MonoUs>,
    timer: Option<MonoUs>,
    /// How many reports of it were refused.
    refusals: u8,
    outputs: VecDeque<Output>,
}

impl Task {
    /// A task that has just been assigned and for which the ledger has made its promise.
    #[must_use]
    pub fn new(assignment: Assignment) -> Self {
        let mut task = Self::in_phase(assignment, Phase::Offered);
        task.outputs.push_back(Output::Persist);
        task.set_timer();
        task
    }

    /// A task that was on disk when the node started. Its run died with the node, whether or not it
    /// had begun, so it is handed back and never run again under this epoch.
    #[must_use]
    pub fn recovered(assignment: Assignment) -> Self {
        let mut task = Self::in_phase(assignment, Phase::Preparing);
        task.report(handed_back("the node was restarted", true));
        task
    }

    fn in_phase(assignment: Assignment, phase: Phase) -> Self {
        let lease_expires = assignment.lease_expires;
        let outputs = VecDeque::new();
        let (drain_by, timer, refusals) = (None, None, 0);
        Self { assignment, phase, lease_expires, drain_by, timer, refusals, outputs }
    }

    /// Takes an event in, at the time at which the shell hands it over.
    ///
    /// The time is looked at first, so that no event can make a task run on a lease that has run
    /// out; only a renewal comes before it.
    pub fn handle(&mut self, now: MonoUs, event: Event) {
        if let Event::LeaseRenewed { epoch, expires } = event {
            self.renewed(epoch, expires);
        }
        self.handle_timeout(now);
        match event {
            Event::Persisted => self.persisted(),
            Event::PersistFailed { reason } => self.refuse(Refusal::Storage { reason }),
            Event::LeaseLost => self.lease_lost(),
            Event::Prepared => self.prepared(),
            Event::PrepareFailed(outcome) if self.phase == Phase::Preparing => self.report(outcome),
            Event::Ran(outcome) => self.ran(outcome),
            Event::CancelRequested => self.cancel(),
            Event::Drain { by } => self.drain(by),
            Event::Reported if self.phase == Phase::Reporting => self.forget(),
            Event::ReportRefused(refusal) => self.report_refused(refusal),
            Event::LeaseRenewed { .. } | Event::PrepareFailed(_) | Event::Reported => {}
        }
        self.set_timer();
    }

    /// Looks at the time. Calling it too early or too often does no harm.
    pub fn handle_timeout(&mut self, now: MonoUs) {
        if self.must_stop_at().is_some_and(|at| now >= at) {
            self.lease_out();
        } else if self.phase == Phase::Running && self.drain_by.is_some_and(|by| now >= by) {
            self.kill(Because::Drained);
        }
        // The timer that fired is spent, so whatever comes next must be set anew.
        if self.timer.is_some_and(|timer| now >= timer) {
            self.timer = None;
        }
        self.set_timer();
    }

    /// What to do next, in order; `None` when there is nothing until another event or timeout.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What the task was assigned as.
    #[must_use]
    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// Whether the node holds the lease and still means to keep it: renew it while this is true.
    #[must_use]
    pub fn wants_lease(&self) -> bool {
        !matches!(self.phase, Phase::Stopping(Because::LeaseLost) | Phase::Done)
    }

    /// Whether the run, if there was one, is over: the ledger's promise can be taken back.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Reporting | Phase::Done)
    }

    /// Whether the last output was given or waits to be polled; nothing follows it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    fn persisted(&mut self) {
        if self.phase == Phase::Offered {
            self.phase = Phase::Preparing;
            self.outputs.extend([Output::Accept, Output::Prepare]);
        }
    }

    fn prepared(&mut self) {
        if self.phase == Phase::Preparing {
            self.phase = Phase::Running;
            self.outputs.push_back(Output::Run);
        }
    }

    fn renewed(&mut self, epoch: LeaseEpoch, expires: MonoUs) {
        if epoch > self.assignment.epoch {
            self.lease_lost();
        } else if epoch == self.assignment.epoch {
            // Renewals may overtake one another; none shortens what another has granted.
            self.lease_expires = self.lease_expires.max(expires);
        }
    }

    /// An outcome that cannot be kept fails its task at once, in words that can be. If even these are refused the task
    /// is handed back, and dropped if that is.
    fn report_refused(&mut self, refusal: ReportRefusal) {
        if self.phase != Phase::Reporting {
            return;
        }
        self.refusals += 1;
        match (refusal, self.refusals) {
            (ReportRefusal::Unacceptable { why }, 1) => {
                self.report(Outcome::Failed { code: REFUSED.to_owned(), message: why });
            }
            (ReportRefusal::Unacceptable { why }, 2) => self.report(handed_back(&why, true)),
            _ => self.forget(),
        }
    }

    /// The registry has said so: even an outcome that waits to be reported is void.
    fn lease_lost(&mut self) {
        if self.phase == Phase::Reporting {
            self.forget();
        } else {
            self.lease_out();
        }
    }

    /// The lease is about to end. An outcome that waits to be reported may still be accepted, as
    /// long as nobody holds a newer epoch: the registry decides.
    fn lease_out(&mut self) {
        match self.phase {
            Phase::Offered | Phase::Preparing => self.forget(),
            Phase::Running => self.kill(Because::LeaseLost),
            Phase::Stopping(Because::Cancelled | Because::Drained) => {
                // The guest had its grace; now it must end at once.
                self.kill(Because::LeaseLost);
            }
            Phase::Stopping(Because::LeaseLost) | Phase::Reporting | Phase::Done => {}
        }
    }

    fn ran(&mut self, outcome: Outcome) {
        match self.phase {
            Phase::Running | Phase::Stopping(Because::Cancelled) => self.report(outcome),
            Phase::Stopping(Because::Drained) if outcome == Outcome::Cancelled => {
                self.report(handed_back("the node is draining", true));
            }
            // It ended by itself before the kill took effect: what really happened is reported.
            Phase::Stopping(Because::Drained) => self.report(outcome),
            Phase::Stopping(Because::LeaseLost) => self.forget(),
            Phase::Offered | Phase::Preparing | Phase::Reporting | Phase::Done => {}
        }
    }

    fn cancel(&mut self) {
        match self.phase {
            Phase::Offered => self.refuse(Refusal::Cancelled),
            Phase::Preparing => self.report(Outcome::Cancelled),
            Phase::Running => self.kill(Because::Cancelled),
            Phase::Stopping(_) | Phase::Reporting | Phase::Done => {}
        }
    }

    fn drain(&mut self, by: MonoUs) {
        match self.phase {
            Phase::Offered => self.refuse(Refusal::Draining),
            Phase::Preparing => self.report(handed_back("the node is draining", false)),
            Phase::Running => self.drain_by = Some(self.drain_by.map_or(by, |old| old.min(by))),
            Phase::Stopping(_) | Phase::Reporting | Phase::Done => {}
        }
    }

    fn kill(&mut self, because: Because) {
        self.phase = Phase::Stopping(because);
        self.outputs.push_back(Output::Kill(because));
    }

    fn report(&mut self, outcome: Outcome) {
        self.phase = Phase::Reporting;
        let epoch = self.assignment.epoch;
        self.outputs.push_back(Output::Report { epoch, outcome });
    }

    fn refuse(&mut self, refusal: Refusal) {
        if self.phase == Phase::Offered {
            self.phase = Phase::Done;
            self.outputs.push_back(Output::Refuse(refusal));
        }
    }

    fn forget(&mut self) {
        if self.phase != Phase::Done {
            self.phase = Phase::Done;
            self.outputs.push_back(Output::Forget);
        }
    }

    /// When the task must be out of the way; `None` when it no longer is in anyone's.
    fn must_stop_at(&self) -> Option<MonoUs> {
        let stops = matches!(
            self.phase,
            Phase::Offered
                | Phase::Preparing
                | Phase::Running
                | Phase::Stopping(Because::Cancelled | Because::Drained)
        );
        stops.then(|| MonoUs(self.lease_expires.0.saturating_sub(LEASE_MARGIN_US)))
    }

    fn set_timer(&mut self) {
        let drain_by = self.drain_by.filter(|_| self.phase == Phase::Running);
        let next = self.must_stop_at().into_iter().chain(drain_by).min();
        if next != self.timer {
            self.timer = next;
            self.outputs.extend(next.map(Output::SetTimer));
        }
    }
}

fn handed_back(reason: &str, side_effects: bool) -> Outcome {
    Outcome::Fault { retryable: true, side_effects, reason: reason.to_owned() }
}
