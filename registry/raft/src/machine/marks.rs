//! The digests of the state at recent entries, and whether one was found to differ from the leader's. A state that cannot
//! be compared is never called different.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use proto_types::{Digest, Revision};
use registry_core::change::Write;
use registry_core::state_hash;
use registry_store::StoreView;
use serde::{Deserialize, Serialize};

use crate::codec::{decode, encode};

/// Where the newest mark is stored with the state.
pub(crate) const MARK: &[u8] = b"state-hash";

/// Marks kept for comparison: what a follower may be ahead of an answer of the leader.
const KEPT_MAX: usize = 4096;

/// A digest of every write up to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMark {
    /// The entry at which the digest began. Marks that began elsewhere say nothing about each other.
    pub since: u64,
    /// The entry.
    pub index: u64,
    /// The digest.
    pub hash: Digest,
}

/// What a comparison with another member's mark comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The states were the same there.
    Same,
    /// This member is not there yet.
    Ahead,
    /// It is too long ago, or the digests began at different entries.
    Unknown,
    /// The states were different.
    Differs,
}

#[derive(Default)]
struct Kept {
    marks: VecDeque<StateMark>,
    diverged: Option<String>,
}

/// The marks of one member.
#[derive(Default)]
pub(crate) struct Marks(Mutex<Kept>);

impl Marks {
    /// Begins with the mark that the state has. What was found out about another state is forgotten.
    pub(crate) fn restart(&self, view: &StoreView) -> io::Result<()> {
        let mark = view.meta(MARK).map_err(io::Error::other)?;
        let mark: Option<StateMark> = mark.as_deref().map(decode).transpose()?;
        *self.kept() = Kept { marks: mark.into_iter().collect(), diverged: None };
        Ok(())
    }

    /// The mark after an entry; it counts once [`Marks::push`] has it.
    pub(crate) fn next(&self, index: u64, revision: Revision, writes: &[Write]) -> StateMark {
        let last = self.last();
        let before = last.map_or(Digest([0; 32]), |last| last.hash);
        let since = last.map_or(index, |last| last.since);
        StateMark { since, index, hash: state_hash::roll(&before, revision, writes) }
    }

    /// Keeps the mark of an entry that is committed.
    pub(crate) fn push(&self, mark: StateMark) {
        let mut kept = self.kept();
        kept.marks.push_back(mark);
        if kept.marks.len() > KEPT_MAX {
            kept.marks.pop_front();
        }
    }

    pub(crate) fn last(&self) -> Option<StateMark> {
        self.kept().marks.back().copied()
    }

    /// Compares with the leader's mark, and remembers a difference.
    pub(crate) fn compare(&self, leader: &StateMark) -> Compared {
        let mut kept = self.kept();
        let Some(last) = kept.marks.back() else { return Compared::Unknown };
        if last.since != leader.since {
            return Compared::Unknown;
        }
        if last.index < leader.index {
            return Compared::Ahead;
        }
        let place = kept.marks.binary_search_by_key(&leader.index, |mark| mark.index);
        let Ok(place) = place else { return Compared::Unknown };
        let found = kept.marks[place];
        if found.hash == leader.hash {
            return Compared::Same;
        }
        kept.diverged.get_or_insert_with(|| {
            let (index, ours, theirs) = (leader.index, found.hash, leader.hash);
            format!("state diverged: at entry {index} it is {ours}, and the leader's is {theirs}")
        });
        Compared::Differs
    }

    pub(crate) fn diverged(&self) -> Option<String> {
        self.kept().diverged.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mark as it is stored with the state.
pub(crate) fn encoded(mark: &StateMark) -> io::Result<Vec<u8>> {
    encode(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(since: u64, index: u64, hash: u8) -> StateMark {
        StateMark { since, index, hash: Digest([hash; 32]) }
    }

    #[test]
    fn only_marks_of_one_chain_are_compared_and_a_difference_stays() {
        let marks = Marks::default();
        assert_eq!(marks.compare(&mark(1, 5, 5)), Compared::Unknown);
        for index in 3..=9 {
            marks.push(mark(1, index, 7));
        }
        assert_eq!(marks.compare(&mark(1, 5, 7)), Compared::Same);
        assert_eq!(marks.compare(&mark(1, 10, 7)), Compared::Ahead);
        assert_eq!(marks.compare(&mark(1, 2, 8)), Compared::Unknown);
        assert_eq!(marks.compare(&mark(2, 5, 8)), Compared::Unknown);
        assert_eq!(marks.diverged(), None);
        assert_eq!(marks.compare(&mark(1, 5, 8)), Compared::Differs);
        assert_eq!(marks.compare(&mark(1, 6, 7)), Compared::Same);
        assert!(marks.diverged().is_some_and(|why| why.contains("entry 5")));
    }

    #[test]
    fn marks_are_bounded() {
        let marks = Marks::default();
        (0..10_000).for_each(|index| marks.push(mark(0, index, 1)));
        assert_eq!(marks.kept().marks.len(), KEPT_MAX);
        assert_eq!(marks.compare(&mark(0, 10, 1)), Compared::Unknown);
    }
}
