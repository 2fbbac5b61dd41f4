//! What clients asked for and what they were told.
//!
//! It decides what a lost answer means: Unknown, never failed. It must never hold what a client
//! could not know.

use proto_types::Handle;
use registry_core::change::Reply;
use registry_core::command::{Command, Proposal};
use registry_core::entry::RecordEntry;

use crate::time::Us;

/// One try of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attempt {
    /// An index of the history.
    pub(crate) operation: usize,
    pub(crate) number: u32,
}

/// What a client sends.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Write(Proposal),
    /// A strong read of a record.
    Read(Handle),
}

/// What a member says.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Replies(Vec<Reply>),
    Record(Option<RecordEntry>),
    /// Nothing was proposed; perhaps this member knows who leads.
    NotLeader(Option<usize>),
}

/// What a client knows in the end.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Committed; the last reply may be a refusal.
    Acked(Vec<Reply>),
    Read(Option<RecordEntry>),
    /// It may or may not have happened, or may yet.
    Unknown,
}

/// One operation of one client.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) request: Request,
    pub(crate) begun: Us,
    /// When the client knew, and what.
    pub(crate) ended: Option<(Us, Outcome)>,
}

impl Operation {
    /// The commands that it asks for, whatever came of them.
    pub(crate) fn commands(&self) -> &[Command] {
        match &self.request {
            Request::Write(proposal) => &proposal.commands,
            Request::Read(_) => &[],
        }
    }

    /// The commands and replies of a committed proposal that was not refused.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = (&Command, &Reply)> {
        let pairs = match (&self.request, &self.ended) {
            (Request::Write(proposal), Some((_, Outcome::Acked(replies))))
                if !matches!(replies.last(), Some(Reply::Refused(_))) =>
            {
                Some(proposal.commands.iter().zip(replies))
            }
            _ => None,
        };
        pairs.into_iter().flatten()
    }
}
