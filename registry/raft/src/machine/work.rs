//! What applying an entry takes: whether it is done on the thread of consensus, where heartbeats wait behind it. Bytes alone
//! do not tell: a lost node's command is short, and puts back each of its tasks.

use std::io;

use openraft::EntryPayload;
use registry_core::command::Command;

use crate::batch::Batch;
use crate::types::{Entry, LogId, Membership};

/// Units of work that are done there at once, and between two pauses of it. A unit is estimated at 25 us: a published record
/// takes three or four, and 100 us by the profile of decision 42. A heartbeat comes every 100 ms.
pub(super) const AT_ONCE_MAX: usize = 512;

/// Bytes of a document that cost as much as a unit: they are digested and copied.
const UNIT_BYTES: usize = 16 << 10;

/// Tokens that cost as much as a unit.
const UNIT_TOKENS: usize = 2;

/// An entry that was read.
pub(crate) struct Work {
    pub(crate) log_id: LogId,
    pub(crate) change: EntryChange,
}

/// What an entry changes.
pub(crate) enum EntryChange {
    /// Nothing: a leader's first entry.
    Nothing,
    Membership(Membership),
    Batch(Batch),
}

impl Work {
    pub(crate) fn read(entry: Entry) -> io::Result<Self> {
        let log_id = entry.log_id;
        let change = match entry.payload {
            EntryPayload::Blank => EntryChange::Nothing,
            EntryPayload::Membership(membership) => {
                EntryChange::Membership(Membership::new(Some(log_id), membership))
            }
            EntryPayload::Normal(payload) => EntryChange::Batch(payload.read()?),
        };
        Ok(Self { log_id, change })
    }

    /// How many units it takes; `None` if nobody knows.
    pub(super) fn units(&self) -> Option<usize> {
        let EntryChange::Batch(batch) = &self.change else { return Some(1) };
        let commands = batch.proposals.iter().flat_map(|proposal| &proposal.commands);
        commands.map(units).try_fold(1usize, |sum, units| Some(sum.saturating_add(units?)))
    }
}

/// Commands that come often and change a few entries each.
fn units(command: &Command) -> Option<usize> {
    match command {
        Command::PutBody(put) => Some(1 + put.bytes.len() / UNIT_BYTES),
        Command::SpendTokens(spend) => Some(1 + spend.entries.len() / UNIT_TOKENS),
        Command::PutRecord(_)
        | Command::PutSearch(_)
        | Command::Require(_)
        | Command::SpendToken(_)
        | Command::SubmitTask(_)
        | Command::AssignTask(_)
        | Command::ReleaseTask(_)
        | Command::CompleteTask(_)
        | Command::AckEnvelope(_) => Some(1),
        // A card has some hundred search terms; an envelope may find 64 void ones to forget.
        Command::PutCard(_) | Command::EnqueueEnvelope(_) => Some(8),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Digest, Revision, WallMs};
    use registry_core::command::{Compact, Proposal, PutBody, SpendTokens};

    use super::*;

    fn work(commands: Vec<Command>) -> Work {
        let batch = Batch { stamp: WallMs(1), proposals: vec![Proposal { commands }] };
        Work { log_id: LogId::new_term_index(1, 1), change: EntryChange::Batch(batch) }
    }

    #[test]
    fn many_tokens_a_large_body_and_what_may_touch_many_entries_are_not_done_at_once() {
        let tokens = |count: usize| {
            let entries = vec![(Digest([1; 32]), WallMs(9)); count];
            work(vec![Command::SpendTokens(SpendTokens { entries })]).units().unwrap()
        };
        assert!(tokens(64) < AT_ONCE_MAX && tokens(1_024) > AT_ONCE_MAX);
        let body = |length: usize| {
            work(vec![Command::PutBody(PutBody { bytes: vec![0; length] })]).units()
        };
        assert_eq!(body(1_024), Some(2));
        assert!(body(8 << 20).unwrap() > AT_ONCE_MAX);
        let short =
            Command::Compact(Compact { changes_through: Revision(1), tasks_until: WallMs(1) });
        assert_eq!(work(vec![short]).units(), None, "short, and hundreds of entries go with it");
    }
}
