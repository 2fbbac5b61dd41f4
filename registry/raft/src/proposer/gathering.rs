//! When what waits becomes an entry although nothing is on its way: at once, or once as many wait as the last entry had. Its
//! callers were answered a moment ago, and most of them come back; an entry for the first of them alone would cost as much
//! as one for all. A caller that is alone never waits, and nobody waits longer than the last entry took, once nothing is
//! on its way any more.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait, whatever the last entry took. 20 ms were measured and no better (decision 42).
const PATIENCE_MAX: Duration = Duration::from_millis(5);

pub(super) struct Gathering {
    /// As many proposals as the last entry had.
    expected: usize,
    patience: Duration,
    /// Since when an entry could have been made of what waits.
    since: Option<Instant>,
}

impl Gathering {
    pub(super) fn new() -> Self {
        Self { expected: 1, patience: Duration::ZERO, since: None }
    }

    /// Whether so many proposals are enough now.
    pub(super) fn is_enough(&mut self, waiting: usize, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        waiting >= self.expected || now >= since + self.patience
    }

    /// When what waits is enough, however little it is.
    pub(super) fn until(&self) -> Option<Instant> {
        self.since.map(|since| since + self.patience)
    }

    /// An entry was made of so many.
    pub(super) fn went(&mut self, proposals: usize) {
        (self.expected, self.since) = (proposals, None);
    }

    /// An entry was answered after so long.
    pub(super) fn answered(&mut self, took: Duration) {
        self.patience = took.min(PATIENCE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn who_is_alone_never_waits() {
        let (mut gathering, mut now) = (Gathering::new(), Instant::now());
        for _ in 0..3 {
            assert!(gathering.is_enough(1, now));
            gathering.went(1);
            now += 2 * MS;
            gathering.answered(2 * MS);
        }
    }

    #[test]
    fn those_that_were_answered_together_are_waited_for_and_not_for_long() {
        let (mut gathering, now) = (Gathering::new(), Instant::now());
        gathering.went(64);
        gathering.answered(3 * MS);
        assert!(!gathering.is_enough(1, now) && !gathering.is_enough(63, now + 2 * MS));
        assert!(gathering.is_enough(64, now + 2 * MS));
        assert_eq!(gathering.until(), Some(now + 3 * MS));
        assert!(gathering.is_enough(2, now + 3 * MS), "the others have gone");
        gathering.went(2);
        assert!(gathering.is_enough(2, now + 4 * MS), "and are not waited for again");
        gathering.answered(60 * MS);
        gathering.went(3);
        assert!(!gathering.is_enough(1, now));
        assert_eq!(gathering.until(), Some(now + PATIENCE_MAX), "however slow the last one was");
    }
}
