//! The life of one task on a node, under one lease.
//!
//! Decides what happens next, and in which order: persist, then accept, then run, then report.
//! Must never run a task twice, report anything once the lease is known to be lost, or run on
//! beyond [`Lease::kill_at`]: soon after that another node may be running it.
//!
//! The shell feeds [`Task::handle`] and [`Task::handle_timeout`], and then does, in order, what
//! [`Task::poll_output`] gives. Events that make no sense where the task stands are ignored: they
//! are late answers to questions that no longer matter.

mod event;
mod step;

use std::collections::VecDeque;

use proto_types::MonoUs;

pub use self::event::{Assignment, Because, Event, Output, ReportRefusal};
use self::step::handed_back;
use crate::{Lease, Refusal};

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
    lease: Lease,
    drain_by: Option<MonoUs>,
    timer: Option<MonoUs>,
    /// How many reports of it were refused.
    refusals: u8,
    outputs: VecDeque<Output>,
}

impl Task {
    /// A task that has just been assigned and for which there is a reservation.
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
        let (lease, outputs) = (assignment.lease, VecDeque::new());
        let (drain_by, timer, refusals) = (None, None, 0);
        Self { assignment, phase, lease, drain_by, timer, refusals, outputs }
    }

    /// Takes an event in, at the time at which the shell hands it over.
    ///
    /// The time is looked at first, so that no event can make a task run on a lease that has run
    /// out; only a renewal comes before it.
    pub fn handle(&mut self, now: MonoUs, event: Event) {
        if let Event::LeaseRenewed { epoch, lease } = event {
            self.renewed(epoch, lease);
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

    /// Whether the run, if there was one, is over: the reservation can be released.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Reporting | Phase::Done)
    }

    /// Whether the last output was given or waits to be polled; nothing follows it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
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
        stops.then(|| self.lease.kill_at())
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
