//! What members say to each other.
//!
//! Data only. It must never hold what a real message could not: no reference to a sender's state.

use std::rc::Rc;

use proto_types::WallMs;

use crate::log::{Entry, Position};
use crate::machine::Machine;

/// The state as of a position.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) last: Position,
    pub(crate) machine: Machine,
}

/// One message between members.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// RequestVote.
    AskVote { term: u64, last: Position },
    /// Its answer.
    Vote { term: u64, granted: bool },
    /// AppendEntries; without entries a heartbeat.
    Append {
        term: u64,
        before: Position,
        entries: Vec<Rc<Entry>>,
        commit: u64,
        round: u64,
        /// The cluster's time, if the leader knows it.
        time: Option<WallMs>,
    },
    /// InstallSnapshot, in one piece.
    Install { term: u64, snapshot: Rc<Snapshot>, round: u64 },
    /// Their answer: up to where the logs agree for sure, or where to try next.
    Appended {
        term: u64,
        matched: Option<u64>,
        hint: u64,
        round: u64,
        /// The clock of the member that answers.
        shows: WallMs,
    },
}

/// What a member's messages say of time at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClockReport {
    /// The cluster's time, if this member leads and knows it.
    pub(crate) time: Option<WallMs>,
    /// What this member's own clock shows.
    pub(crate) shows: WallMs,
}

impl Message {
    pub(crate) fn term(&self) -> u64 {
        match self {
            Self::AskVote { term, .. }
            | Self::Vote { term, .. }
            | Self::Append { term, .. }
            | Self::Install { term, .. }
            | Self::Appended { term, .. } => *term,
        }
    }
}
