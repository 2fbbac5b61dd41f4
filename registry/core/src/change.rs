//! The result of a command, as data: writes, effects, and a reply or a refusal. The shell commits the writes; only the
//! leader acts on the effects.

mod refusal;

use proto_types::{Digest, LeaseEpoch, NodeId, Revision, TaskId, WallMs};
use serde::{Deserialize, Serialize};

pub use self::refusal::Refusal;
use crate::envelope::entry::EnvelopeEntry;
use crate::task::entry::TaskEntry;
pub use crate::view::Write;

/// The decision about one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What to commit; empty for a refusal or a command that changes nothing.
    pub writes: Vec<Write>,
    /// What the leader must do now; followers drop them.
    pub effects: Vec<Effect>,
    /// What to tell the caller.
    pub reply: Reply,
}

/// What the leader's shell has to do after a commit. Losing one is harmless: each can be found again by a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A task waits for a node.
    TaskPending(TaskId),
    /// A task was assigned: tell the node.
    TaskAssigned(TaskId, NodeId, LeaseEpoch),
    /// The caller wants the task ended: tell the node.
    TaskCancelRequested(TaskId, NodeId, LeaseEpoch),
    /// A task that a node held has ended: the node has room.
    TaskEnded(TaskId),
    /// An envelope can be leased for this target.
    EnvelopeReady(String),
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done, at this revision. An idempotent repetition answers the revision of the first time.
    Done(Revision),
    /// A body is stored under its digest.
    Stored(Digest),
    /// The task as it now is.
    Task(Box<TaskEntry>),
    /// One verdict per entry of `SpendTokens`, in order.
    Spent(Vec<Spent>),
    /// Accepted for the first time, or known already.
    Enqueued {
        /// The revision at which the envelope was first accepted.
        revision: Revision,
        /// True if this (source, id) had been accepted before.
        duplicate: bool,
    },
    /// Envelopes leased, oldest first.
    Leased(Vec<Lease>),
    /// A report of conduct was taken, or had been.
    Counted {
        /// The revision of the report.
        revision: Revision,
        /// Peers whose tally was counted.
        counted: u32,
        /// Peers that are not enrolled, or not any more.
        passed_over: u32,
        /// True if this window or a later one of the reporter had been taken: nothing was counted now.
        repeated: bool,
    },
    /// A part was forgotten.
    Compacted {
        /// The newest revision whose change is gone.
        compacted: Revision,
        /// True if there is more to forget under the same command.
        more: bool,
    },
    /// Not done, and why; nothing was written.
    Refused(Refusal),
}

/// The verdict about one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spent {
    /// First use: the caller may go on.
    Fresh,
    /// Used before.
    Replayed,
    /// Its remembrance has ended, or would outlast the horizon.
    OutOfHorizon,
}

/// One leased envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The envelope.
    pub envelope: EnvelopeEntry,
    /// The epoch an ack must carry.
    pub epoch: LeaseEpoch,
    /// When the lease ends.
    pub until: WallMs,
}
