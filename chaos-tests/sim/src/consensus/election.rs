//! Who leads.
//!
//! It decides votes. It must never grant two candidates a vote of one term (5.2), nor one to a
//! candidate whose log lacks a committed entry (5.4.1).

use crate::breakage::Breakage;
use crate::log::Position;
use crate::time::Us;

use super::{Consensus, ELECTION_US, Leading, Message, Role};

impl Consensus {
    pub(super) fn campaign(&mut self, now: Us, random: &mut fastrand::Rng) {
        self.step_down(self.hard.term + 1);
        self.hard.voted_for = Some(self.id);
        self.election_at = now + random.u64(ELECTION_US..2 * ELECTION_US);
        self.role = Role::Candidate { votes: [self.id].into() };
        let (term, last) = (self.hard.term, self.log.last());
        for other in self.others() {
            // The vote for oneself counts once it is on disk, as every vote does.
            self.send(other, Message::AskVote { term, last }, true);
        }
        if self.majority() == 1 {
            self.lead(now);
        }
    }

    pub(super) fn answer_vote(&mut self, from: usize, term: u64, last: Position, quiet: Us) {
        let free = self.hard.voted_for.is_none_or(|chosen| chosen == from)
            || self.breakage == Some(Breakage::ManyVotes);
        let granted = term == self.hard.term && free && last >= self.log.last();
        if granted {
            self.hard.voted_for = Some(from);
            self.election_at = quiet;
        }
        self.send(from, Message::Vote { term: self.hard.term, granted }, true);
    }

    pub(super) fn count_vote(&mut self, now: Us, from: usize, term: u64, granted: bool) {
        if term != self.hard.term || !granted {
            return;
        }
        let majority = self.majority();
        let Role::Candidate { votes } = &mut self.role else { return };
        votes.insert(from);
        if votes.len() >= majority {
            self.lead(now);
        }
    }

    fn lead(&mut self, now: Us) {
        let last = self.log.last().index;
        let mut matched = vec![0; self.members];
        matched[self.id] = self.synced;
        let (next, answered) = (vec![last + 1; self.members], vec![0; self.members]);
        let first = last + 1;
        self.role = Role::Leader(Leading { next, matched, round: 0, answered, first });
        self.leader = Some(self.id);
        self.heartbeat_at = now;
    }
}
