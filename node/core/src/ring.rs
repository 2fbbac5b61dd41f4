//! The newest events of a run, numbered from 1 on, for who has lost some of them.
//!
//! Decides what is kept, within bounds of number and bytes, and whether it is all that came after an event. Must never pass
//! over an event in silence.

use std::collections::VecDeque;

/// The events of one run.
#[derive(Debug)]
pub struct EventRing<T> {
    /// With how long each is, the oldest first; the last has the newest number.
    kept: VecDeque<(T, usize)>,
    bytes: usize,
    newest: u64,
    events_max: usize,
    bytes_max: usize,
}

impl<T: Clone> EventRing<T> {
    /// An empty one that keeps at most so many events, and so many bytes of them.
    #[must_use]
    pub fn new(events_max: usize, bytes_max: usize) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, newest: 0, events_max, bytes_max }
    }

    /// The number that the next event has.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.newest.saturating_add(1)
    }

    /// Takes the next event, which is so long.
    pub fn push(&mut self, event: T, bytes: usize) {
        self.newest = self.next_number();
        self.bytes = self.bytes.saturating_add(bytes);
        self.kept.push_back((event, bytes));
        while self.kept.len() > self.events_max || self.bytes > self.bytes_max {
            let Some((_, bytes)) = self.kept.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// There was an event that cannot be kept: whoever does not have it has lost it.
    pub fn skip(&mut self) {
        self.newest = self.next_number();
        self.kept.clear();
        self.bytes = 0;
    }

    /// All that came after the event of this number; `None` if some of it is not kept any more, or nothing has this number yet.
    #[must_use]
    pub fn after(&self, sequence: u64) -> Option<Vec<T>> {
        let missing = usize::try_from(self.newest.checked_sub(sequence)?).ok()?;
        let from = self.kept.len().checked_sub(missing)?;
        Some(self.kept.iter().skip(from).map(|(event, _)| event.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(events: u64, (events_max, bytes_max): (usize, usize)) -> EventRing<u64> {
        let mut ring = EventRing::new(events_max, bytes_max);
        for _ in 0..events {
            ring.push(ring.next_number(), 10);
        }
        ring
    }

    #[test]
    fn what_came_after_an_event_is_all_there_or_none_of_it_is() {
        let ring = ring(5, (3, 1_000));
        for (after, kept) in [
            (5, Some(vec![])),
            (4, Some(vec![5])),
            (2, Some(vec![3, 4, 5])),
            (1, None),
            (0, None),
            (6, None),
            (u64::MAX, None),
        ] {
            assert_eq!(ring.after(after), kept, "{after}");
        }
    }

    #[test]
    fn bytes_are_bounded_as_numbers_are_and_an_event_that_is_longer_than_all_is_not_kept() {
        let mut ring = ring(5, (100, 25));
        assert_eq!((ring.after(3), ring.after(2)), (Some(vec![4, 5]), None));
        ring.push(6, 26);
        assert_eq!((ring.after(6), ring.after(5)), (Some(vec![]), None));
        ring.push(7, 25);
        assert_eq!(ring.after(6), Some(vec![7]));
    }

    #[test]
    fn an_event_that_was_skipped_has_a_number_and_is_missed_by_who_does_not_have_it() {
        let mut ring = ring(2, (3, 1_000));
        ring.skip();
        assert_eq!((ring.after(2), ring.after(3)), (None, Some(vec![])));
        ring.push(ring.next_number(), 10);
        assert_eq!((ring.after(3), ring.after(2)), (Some(vec![4]), None));
        assert_eq!(EventRing::<u64>::new(3, 3).after(0), Some(vec![]));
    }
}
