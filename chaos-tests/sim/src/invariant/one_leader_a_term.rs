//! A term has at most one leader (Raft, Election Safety).
//!
//! Caught: `Breakage::ManyVotes`.

use std::collections::BTreeMap;

use crate::seen::Seen;

use super::{Invariant, Verdict};

#[derive(Debug, Default)]
pub(super) struct OneLeaderATerm(BTreeMap<u64, usize>);

impl Invariant for OneLeaderATerm {
    fn name(&self) -> &'static str {
        "a term has one leader"
    }

    fn observe(&mut self, seen: &Seen) -> Verdict {
        let Seen::Elected { member, term } = seen else { return Ok(()) };
        match self.0.insert(*term, *member) {
            Some(other) if other != *member => {
                Err(format!("members {other} and {member} both lead term {term}"))
            }
            _ => Ok(()),
        }
    }
}
