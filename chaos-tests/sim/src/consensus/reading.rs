//! Strong reads: ReadIndex (Ongaro's thesis, 6.4).
//!
//! It decides when a leader may answer a read. It must never answer before a majority has confirmed,
//! after the read began, that it still leads.

use crate::breakage::Breakage;
use crate::time::Us;

use super::{Consensus, Role};

/// A read that waits.
#[derive(Debug)]
struct Waiting<T> {
    term: u64,
    round: u64,
    index: u64,
    who: T,
}

/// The reads that wait at one member.
#[derive(Debug)]
pub(crate) struct Reads<T>(Vec<Waiting<T>>);

impl<T> Default for Reads<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Reads<T> {
    /// Begins a read on the leader; `false` where this member does not lead.
    pub(crate) fn begin(&mut self, consensus: &mut Consensus, now: Us, who: T) -> bool {
        consensus.heartbeat(now);
        let Role::Leader(leading) = &consensus.role else { return false };
        // Until an entry of its own term is committed, a leader may not know how far the commit is.
        let index = consensus.commit.max(leading.first);
        self.0.push(Waiting { term: consensus.hard.term, round: leading.round, index, who });
        true
    }

    /// Takes out the reads that may be answered now from a state at `applied`; those of a term that
    /// has ended are dropped.
    pub(crate) fn ready(&mut self, consensus: &Consensus, applied: u64) -> Vec<T> {
        let Role::Leader(leading) = &consensus.role else {
            self.0.clear();
            return Vec::new();
        };
        let majority = consensus.majority();
        self.0.retain(|read| read.term == consensus.hard.term);
        let confirmed = |read: &mut Waiting<T>| {
            let heard = leading.answered.iter().filter(|round| **round >= read.round).count();
            let confirmed =
                heard >= majority || consensus.breakage == Some(Breakage::UnconfirmedReads);
            confirmed && applied >= read.index
        };
        self.0.extract_if(.., confirmed).map(|read| read.who).collect()
    }
}
