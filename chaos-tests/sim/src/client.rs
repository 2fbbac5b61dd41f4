//! A client: one operation at a time, with patience, retries and doubt.
//!
//! It decides when to give up. It must never call an operation failed that may yet happen.

use crate::history::{Answer, Attempt, Outcome, Request};
use crate::time::Us;
use crate::workload::Workload;

/// How long a client waits for an answer. Longer than an election, shorter than two.
pub(crate) const PATIENCE_US: Us = 250_000;

/// After which a client calls the operation Unknown, at the latest.
const ATTEMPTS_MAX: u32 = 10;

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) workload: Workload,
    /// What it waits for.
    pub(crate) pending: Option<Pending>,
    /// Whom it asks next.
    pub(crate) member: usize,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) attempt: Attempt,
    pub(crate) request: Request,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// The operation is over.
    Over(Outcome),
    /// The same again.
    Again,
    /// The same again after a while: nobody leads, and asking at once would be asking in circles.
    Later(Attempt),
    /// The answer is of an attempt that is no longer waited for.
    Nothing,
}

impl Client {
    pub(crate) fn new(id: usize, members: usize) -> Self {
        Self { workload: Workload::new(id), pending: None, member: id % members }
    }

    /// Begins an operation.
    pub(crate) fn begin(&mut self, operation: usize, request: Request) {
        let attempt = Attempt { operation, number: 1 };
        self.pending = Some(Pending { attempt, request });
    }

    /// A member has answered.
    pub(crate) fn answered(&mut self, attempt: Attempt, answer: Answer, members: usize) -> Next {
        let Some(pending) = self.pending.as_ref().filter(|it| it.attempt == attempt) else {
            return Next::Nothing;
        };
        match answer {
            Answer::Replies(replies) => {
                // A refusal may speak of what an earlier attempt has done.
                self.workload.learn(&pending.request, &replies);
                Next::Over(Outcome::Acked(replies))
            }
            Answer::Record(record) => Next::Over(Outcome::Read(record)),
            Answer::NotLeader(leader) => {
                self.member = leader.unwrap_or((self.member + 1) % members);
                match (self.again(), leader) {
                    (Next::Again, None) => self.later(),
                    (next, _) => next,
                }
            }
        }
    }

    /// No answer has come in time.
    pub(crate) fn lost_patience(&mut self, attempt: Attempt, members: usize) -> Next {
        if self.pending.as_ref().is_none_or(|it| it.attempt != attempt) {
            return Next::Nothing;
        }
        self.member = (self.member + 1) % members;
        self.again()
    }

    fn later(&self) -> Next {
        self.pending.as_ref().map_or(Next::Nothing, |pending| Next::Later(pending.attempt))
    }

    fn again(&mut self) -> Next {
        let Some(pending) = self.pending.as_mut() else { return Next::Nothing };
        if pending.attempt.number == ATTEMPTS_MAX {
            return Next::Over(Outcome::Unknown);
        }
        pending.attempt.number += 1;
        Next::Again
    }
}
