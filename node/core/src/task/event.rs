//! What goes into a task and what comes out of it, as data.

use proto_types::{Digest, Handle, LeaseEpoch, MonoUs, TaskId};

use crate::{Lease, Outcome, Refusal, Reservation};

/// A task that the registry gives to this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The task.
    pub task: TaskId,
    /// The agent that it is for.
    pub agent: Handle,
    /// What to run.
    pub artifact: Digest,
    /// What is reserved for it.
    pub reservation: Reservation,
    /// The fencing epoch: everything that the node says about the task carries it.
    pub epoch: LeaseEpoch,
    /// The lease under which the node holds it, unless it is renewed.
    pub lease: Lease,
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
        /// What was granted.
        lease: Lease,
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
