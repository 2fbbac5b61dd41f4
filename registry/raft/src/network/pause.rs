//! The pause after a member took no connection: entries and heartbeats, of which there are ten a second, leave it alone
//! for so long. An election asks everybody all the same. The pause is never longer than the others may wait for the
//! member.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After the first failure, and at most: a member that comes back is heard of within a second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// By member: until when it is left alone, and for how long the next time.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Mutex<BTreeMap<u64, (Instant, Duration)>>);

impl Pauses {
    /// Whether a member is left alone now.
    pub(super) fn rests(&self, to: u64, now: Instant) -> bool {
        self.lock().get(&to).is_some_and(|(until, _)| now < *until)
    }

    /// A connection did not come about.
    pub(super) fn failed(&self, to: u64, now: Instant) {
        let mut pauses = self.lock();
        let (until, next) = pauses.entry(to).or_insert((now, PAUSE.0));
        // Calls that were under way together are one failure.
        if *until <= now {
            *until = now + *next;
            *next = next.saturating_mul(2).min(PAUSE.1);
        }
    }

    /// It has answered.
    pub(super) fn answered(&self, to: u64) {
        self.lock().remove(&to);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Instant, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_member_is_dialled_once_a_second_and_anew_when_it_has_answered() {
        let (pauses, start) = (Pauses::default(), Instant::now());
        let dialled = |from: u64, to: u64| {
            // A heartbeat every 100 ms.
            let beats = (from * 10..to * 10).map(|beat| start + Duration::from_millis(beat * 100));
            beats.filter(|now| !pauses.rests(2, *now)).inspect(|now| pauses.failed(2, *now)).count()
        };
        assert!(dialled(0, 10) <= 13);
        assert_eq!(dialled(10, 20), 10);
        pauses.answered(2);
        assert!(!pauses.rests(2, start + Duration::from_secs(19)));
        assert!(!pauses.rests(3, start), "the others are not left alone");
    }
}
