//! The newest entries of the log, decoded and in memory: replication and the state machine read each again within
//! milliseconds of its being appended. It is always an unbroken end of the log, or empty, and never holds what the disk has
//! not taken.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use openraft::EntryPayload;

use crate::types::Entry;

/// Bytes of entries: some seconds of a busy cluster, and one entry whatever its size.
const BYTES_MAX: usize = 8 << 20;

/// What an entry takes besides its proposals.
const ENTRY_BYTES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    /// Takes what was appended to the log.
    pub(super) fn append(&self, entries: Vec<Entry>) {
        let mut kept = self.kept();
        for entry in entries {
            kept.push(entry);
        }
    }

    /// Forgets all entries from this index on.
    pub(super) fn truncate_from(&self, index: u64) {
        let mut kept = self.kept();
        while kept.entries.back().is_some_and(|last| last.log_id.index() >= index) {
            let gone = kept.entries.pop_back();
            kept.bytes -= gone.as_ref().map_or(0, size);
        }
    }

    /// Forgets the entries up to and including this index.
    pub(super) fn purge_to(&self, index: u64) {
        let mut kept = self.kept();
        while kept.entries.front().is_some_and(|first| first.log_id.index() <= index) {
            kept.pop_first();
        }
    }

    /// As [`registry_store::Log::entries`] reads the log: `None` if not all of it is here.
    pub(super) fn read(&self, from: u64, to: u64, bytes_max: usize) -> Option<Vec<Entry>> {
        let kept = self.kept();
        let first = kept.entries.front()?.log_id.index();
        let start = usize::try_from(from.checked_sub(first)?).ok()?;
        let (mut read, mut bytes) = (Vec::new(), 0usize);
        for entry in kept.entries.iter().skip(start) {
            bytes = bytes.saturating_add(size(entry));
            if entry.log_id.index() >= to || (bytes > bytes_max && !read.is_empty()) {
                break;
            }
            read.push(entry.clone());
        }
        Some(read)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, entry: Entry) {
        let follows = |last: &Entry| last.log_id.index() + 1 == entry.log_id.index();
        if !self.entries.back().is_none_or(follows) {
            *self = Self::default();
        }
        self.bytes += size(&entry);
        self.entries.push_back(entry);
        while self.bytes > BYTES_MAX && self.entries.len() > 1 {
            self.pop_first();
        }
    }

    fn pop_first(&mut self) {
        let gone = self.entries.pop_front();
        self.bytes -= gone.as_ref().map_or(0, size);
    }
}

fn size(entry: &Entry) -> usize {
    let payload = match &entry.payload {
        EntryPayload::Normal(payload) => payload.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    };
    payload + ENTRY_BYTES
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::batch::Payload;
    use crate::types::LogId;

    fn entry(index: u64, bytes: usize) -> Entry {
        let payload = Payload::join(proto_types::WallMs(1), std::iter::once(&vec![0; bytes][..]));
        Entry { log_id: LogId::new_term_index(1, index), payload: EntryPayload::Normal(payload) }
    }

    fn indices(read: Option<Vec<Entry>>) -> Option<Vec<u64>> {
        read.map(|read| read.iter().map(|entry| entry.log_id.index()).collect())
    }

    #[test]
    fn what_was_appended_is_read_as_from_the_log_and_what_is_not_here_is_asked_of_it() {
        let recent = Recent::default();
        assert_eq!(indices(recent.read(0, 9, usize::MAX)), None, "nothing is here");
        recent.append((5..10).map(|index| entry(index, 1_000)).collect());
        assert_eq!(indices(recent.read(4, 7, usize::MAX)), None, "4 is on the disk");
        assert_eq!(indices(recent.read(5, 7, usize::MAX)), Some(vec![5, 6]));
        assert_eq!(indices(recent.read(7, u64::MAX, usize::MAX)), Some(vec![7, 8, 9]));
        assert_eq!(indices(recent.read(10, 12, usize::MAX)), Some(vec![]), "the log ends before");
        assert_eq!(indices(recent.read(5, 10, 3_000)), Some(vec![5, 6]), "as many as fit");
        assert_eq!(indices(recent.read(5, 10, 1)), Some(vec![5]), "at least one");
    }

    #[test]
    fn what_is_cut_off_the_log_is_not_read_again() {
        let recent = Recent::default();
        recent.append((5..10).map(|index| entry(index, 1_000)).collect());
        recent.truncate_from(8);
        assert_eq!(indices(recent.read(5, 99, usize::MAX)), Some(vec![5, 6, 7]));
        recent.append(vec![entry(8, 2_000)]);
        recent.purge_to(6);
        assert_eq!(indices(recent.read(6, 99, usize::MAX)), None);
        let read = recent.read(7, 99, usize::MAX).unwrap();
        assert!(size(&read[0]) < 2_000 && size(&read[1]) > 2_000, "the newer one of its index");
        recent.purge_to(8);
        assert_eq!(recent.kept().bytes, 0);
        // A snapshot leaves a hole before the next entry.
        recent.append(vec![entry(20, 1_000)]);
        recent.append(vec![entry(30, 1_000)]);
        assert_eq!(indices(recent.read(20, 99, usize::MAX)), None);
        assert_eq!(indices(recent.read(30, 99, usize::MAX)), Some(vec![30]));
    }

    #[test]
    fn its_bytes_are_bounded_and_the_newest_entry_stays_whatever_its_size() {
        let recent = Recent::default();
        recent.append((0..40).map(|index| entry(index, 1 << 20)).collect());
        assert!(recent.kept().bytes <= BYTES_MAX);
        assert_eq!(indices(recent.read(39, 40, usize::MAX)), Some(vec![39]));
        recent.append(vec![entry(40, 2 * BYTES_MAX)]);
        assert_eq!(indices(recent.read(40, 41, usize::MAX)), Some(vec![40]));
        assert_eq!(recent.kept().entries.len(), 1);
    }
}
