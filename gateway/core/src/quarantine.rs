//! When a peer that calls badly is let in no more for a while.
//!
//! Decides by what only the peer itself can have spoiled (`conduct.rs`), which is counted whether it was let in or not. Must
//! never end before it has said it would, nor grow without end.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use proto_types::MonoUs;

use crate::gcra::{Cell, Quota, RetryAfter, Share};

/// Of the requests that a peer may make, so many thousandths may be bad in the long run: twice what honest peers that have
/// errors were simulated with.
const BAD_THOUSANDTHS: u16 = 20;
/// The first quarantine. Each further one is twice as long.
const FIRST_US: u64 = 60_000_000;
/// Doublings, at most: some 17 hours.
const LEVEL_MAX: u32 = 10;
/// So long without one halves the number of those before.
const HALF_LIFE_US: u64 = 7 * 86_400_000_000;
/// On probation a peer has this part of the bad requests that it may make at once.
const PROBATION_PART: u32 = 10;

/// The bad requests that a peer may make: `burst` at once, and a fiftieth of its quota in the long run.
#[must_use]
pub fn bearable(quota: Quota, burst: u32) -> Quota {
    quota.scaled(Share::thousandths(BAD_THOUSANDTHS)).with_burst(burst)
}

/// One peer's, at this gateway, for as long as the process lives.
#[derive(Debug, Default)]
pub struct Quarantine {
    /// Its end, in microseconds of the process's monotonic clock.
    until: AtomicU64,
    /// Bad requests that were taken account of.
    seen: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bad: Cell,
    /// Quarantines, as far as they still count.
    level: u32,
    /// After a quarantine comes a probation of the same length.
    probation_until: MonoUs,
}

impl Quarantine {
    /// Whether the peer is let in, after so many bad requests in all.
    ///
    /// # Errors
    /// It is in quarantine; for how long.
    pub fn check(&self, now: MonoUs, bad: u32, bearable: Quota) -> Result<(), RetryAfter> {
        if let Err(until) = self.until(now) {
            // What was under way when it began is punished by it.
            self.account(bad);
            return Err(until);
        }
        if self.seen.load(Ordering::Relaxed) == bad {
            return Ok(());
        }
        self.take(now, bad, bearable)
    }

    fn until(&self, now: MonoUs) -> Result<(), RetryAfter> {
        let until = MonoUs(self.until.load(Ordering::Relaxed));
        if now < until { Err(RetryAfter { us: until.since(now) }) } else { Ok(()) }
    }

    /// How many are new. A request that read the count before another that came first adds none.
    fn account(&self, bad: u32) -> u32 {
        let newer = |seen: u32| (bad.wrapping_sub(seen) <= u32::MAX / 2).then_some(bad);
        let before = self.seen.fetch_update(Ordering::Relaxed, Ordering::Relaxed, newer);
        before.map_or(0, |seen| bad.wrapping_sub(seen))
    }

    fn take(&self, now: MonoUs, bad: u32, bearable: Quota) -> Result<(), RetryAfter> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.account(bad);
        // Another may have begun one meanwhile.
        self.until(now)?;
        let burst = bearable.burst();
        let bearable = match now < state.probation_until {
            true => bearable.with_burst(burst / PROBATION_PART),
            false => bearable,
        };
        // More than the burst is as good as one more.
        let mut each = 0..fresh.min(burst.saturating_add(1));
        if each.all(|_| state.bad.check(now, bearable).is_ok()) {
            return Ok(());
        }
        let us = state.begin(now);
        self.until.store(now.plus_us(us).0, Ordering::Relaxed);
        Err(RetryAfter { us })
    }
}

impl State {
    /// Begins a quarantine; for how long, in microseconds.
    fn begin(&mut self, now: MonoUs) -> u64 {
        let halved = now.since(self.probation_until) / HALF_LIFE_US;
        let halved = u32::try_from(halved).unwrap_or(u32::MAX);
        let level = self.level.checked_shr(halved).unwrap_or(0);
        let length = FIRST_US << level.min(LEVEL_MAX);
        self.level = level.min(LEVEL_MAX) + 1;
        self.probation_until = now.plus_us(length).plus_us(length);
        self.bad = Cell::default();
        length
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;
    const START: MonoUs = MonoUs(60 * MINUTE);

    /// 20 bad ones at once, and 20 a minute.
    fn few() -> Quota {
        bearable(Quota::new(1_000, MINUTE).unwrap(), 20)
    }

    #[test]
    fn who_comes_late_with_an_older_count_is_not_punished() {
        let quarantine = Quarantine::default();
        for bad in [6, 5, 6] {
            assert!(quarantine.check(START, bad, few()).is_ok(), "{bad}");
        }
    }

    #[test]
    fn a_fiftieth_of_what_a_peer_sends_may_be_bad_and_so_many_at_once() {
        assert_eq!((few().burst(), few().window_us()), (20, MINUTE));
        let quarantine = Quarantine::default();
        let mut bad = 0;
        for minute in 0..100 {
            bad += 20;
            assert!(quarantine.check(START.plus_us(minute * MINUTE), bad, few()).is_ok());
        }
        let now = START.plus_us(99 * MINUTE);
        assert_eq!(quarantine.check(now, bad + 1, few()), Err(RetryAfter { us: MINUTE }));
    }

    #[test]
    fn each_quarantine_is_twice_as_long_as_the_one_before_and_probation_bears_less() {
        let quarantine = Quarantine::default();
        let check = |now: MonoUs, bad| quarantine.check(now, bad, few());
        assert!(check(START, 20).is_ok());
        assert_eq!(check(START, 21), Err(RetryAfter { us: MINUTE }));
        let late = START.plus_us(MINUTE - 1);
        assert_eq!(check(late, 400), Err(RetryAfter { us: 1 }), "what comes meanwhile");
        let end = START.plus_us(MINUTE);
        assert!(check(end, 402).is_ok(), "two");
        assert_eq!(check(end, 403), Err(RetryAfter { us: 2 * MINUTE }));
        let long = Quota::new(1_000, MINUTE).unwrap();
        let mut now = end;
        for level in 2..14 {
            now = now.plus_us(FIRST_US << LEVEL_MAX);
            let bad = 1_000 * (level + 1);
            let said = quarantine.check(now, bad, bearable(long, 20)).unwrap_err();
            assert_eq!(said.us, FIRST_US << level.min(LEVEL_MAX), "{level}");
        }
    }

    #[test]
    fn seven_days_halve_what_was() {
        let quarantine = Quarantine::default();
        let mut now = START;
        for bad in [100, 200, 300, 400] {
            assert!(quarantine.check(now, bad, few()).is_err());
            now = now.plus_us(60 * MINUTE);
        }
        // Four are two after one half-life, counted from the end of the last probation.
        let later = now.plus_us(HALF_LIFE_US);
        let said = quarantine.check(later, 500, few()).unwrap_err();
        assert_eq!(said.us, 4 * MINUTE);
    }
}
