//! What each event does where a task stands.
//!
//! Decides which outcome is reported, and when a task is handed back, refused or forgotten. Must never look at the time: that
//! comes first, in [`Task::handle`].

use proto_types::{LeaseEpoch, MonoUs};

use super::{Because, Output, Phase, ReportRefusal, Task};
use crate::{Lease, Outcome, Refusal};

/// The code of a failure whose outcome the registry would not keep.
const REFUSED: &str = "outcome-refused";

impl Task {
    pub(super) fn persisted(&mut self) {
        if self.phase == Phase::Offered {
            self.phase = Phase::Preparing;
            self.outputs.extend([Output::Accept, Output::Prepare]);
        }
    }

    pub(super) fn prepared(&mut self) {
        if self.phase == Phase::Preparing {
            self.phase = Phase::Running;
            self.outputs.push_back(Output::Run);
        }
    }

    pub(super) fn renewed(&mut self, epoch: LeaseEpoch, lease: Lease) {
        if epoch > self.assignment.epoch {
            self.lease_lost();
        } else if epoch == self.assignment.epoch {
            // Renewals may overtake one another; none shortens what another has granted.
            self.lease = self.lease.or_longer(lease);
        }
    }

    /// An outcome that cannot be kept fails its task at once, in words that can be. If even these are refused the task
    /// is handed back, and dropped if that is.
    pub(super) fn report_refused(&mut self, refusal: ReportRefusal) {
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
    pub(super) fn lease_lost(&mut self) {
        if self.phase == Phase::Reporting {
            self.forget();
        } else {
            self.lease_out();
        }
    }

    /// The lease is about to end. An outcome that waits to be reported may still be accepted, as
    /// long as nobody holds a newer epoch: the registry decides.
    pub(super) fn lease_out(&mut self) {
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

    pub(super) fn ran(&mut self, outcome: Outcome) {
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

    pub(super) fn cancel(&mut self) {
        match self.phase {
            Phase::Offered => self.refuse(Refusal::Cancelled),
            Phase::Preparing => self.report(Outcome::Cancelled),
            Phase::Running => self.kill(Because::Cancelled),
            Phase::Stopping(_) | Phase::Reporting | Phase::Done => {}
        }
    }

    pub(super) fn drain(&mut self, by: MonoUs) {
        match self.phase {
            Phase::Offered => self.refuse(Refusal::Draining),
            Phase::Preparing => self.report(handed_back("the node is draining", false)),
            Phase::Running => self.drain_by = Some(self.drain_by.map_or(by, |old| old.min(by))),
            Phase::Stopping(_) | Phase::Reporting | Phase::Done => {}
        }
    }

    pub(super) fn kill(&mut self, because: Because) {
        self.phase = Phase::Stopping(because);
        self.outputs.push_back(Output::Kill(because));
    }

    pub(super) fn report(&mut self, outcome: Outcome) {
        self.phase = Phase::Reporting;
        let epoch = self.assignment.epoch;
        self.outputs.push_back(Output::Report { epoch, outcome });
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        if self.phase == Phase::Offered {
            self.phase = Phase::Done;
            self.outputs.push_back(Output::Refuse(refusal));
        }
    }

    pub(super) fn forget(&mut self) {
        if self.phase != Phase::Done {
            self.phase = Phase::Done;
            self.outputs.push_back(Output::Forget);
        }
    }
}

pub(super) fn handed_back(reason: &str, side_effects: bool) -> Outcome {
    Outcome::Fault { retryable: true, side_effects, reason: reason.to_owned() }
}
