//! One rate limit for one caller: the generic cell rate algorithm (ITU-T I.371, annex A).
//!
//! Decides whether a request conforms and, if not, when the next one will. Must never read a clock
//! and never let through more than `burst + elapsed / interval` requests, whatever the threads do.
//!
//! The cell is one word, the theoretical arrival time of the next request, so that a peer's limit
//! costs eight bytes and one compare-and-swap. A quota is passed to every check: reputation may
//! scale it between two requests without touching the cell.

use std::sync::atomic::{AtomicU64, Ordering};

use proto_types::MonoUs;

/// How often something may happen: one every `interval_us` in the long run, `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    interval_us: u64,
    burst: u32,
}

/// A share of a quota, in millionths: what a caller has earned, or what of it is this gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

/// What a conforming caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Requests that would conform now.
    pub requests: u32,
    /// Microseconds until the whole burst is there again.
    pub full_in_us: u64,
}

/// The request does not conform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Microseconds until one request will conform, if no other comes first. Never 0.
    pub us: u64,
}

impl RetryAfter {
    /// Whole seconds, rounded up: whoever waits so long is let in.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.us.div_ceil(1_000_000)
    }
}

impl Quota {
    /// `requests` every `window_us`, all of them at once if need be. The interval is rounded up to
    /// whole microseconds, which is less than 1 % as long as the rate is below 10,000 a second.
    /// `None` if either is zero.
    #[must_use]
    pub const fn new(requests: u32, window_us: u64) -> Option<Self> {
        if requests == 0 || window_us == 0 {
            return None;
        }
        Some(Self { interval_us: window_us.div_ceil(requests as u64), burst: requests })
    }

    /// The same with another burst; at least 1.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        Self { interval_us: self.interval_us, burst: if burst == 0 { 1 } else { burst } }
    }

    /// The quota of a caller that has earned `share` of it. It never falls to nothing: what a
    /// reputation may not do at all is refused by policy, not by a limit.
    #[must_use]
    pub fn scaled(self, share: Share) -> Self {
        let share = u64::from(share.0);
        let whole = u64::from(Share::WHOLE.0);
        let interval_us = self.interval_us.saturating_mul(whole).div_ceil(share);
        let burst = (u64::from(self.burst) * share / whole).max(1);
        Self { interval_us, burst: u32::try_from(burst).unwrap_or(self.burst) }
    }

    /// Requests that conform at once after a long silence.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How long a spent burst takes to come back, in microseconds.
    #[must_use]
    pub const fn window_us(self) -> u64 {
        self.interval_us.saturating_mul(self.burst as u64)
    }

    /// The rate in the long run, in thousandths of a request a second.
    #[must_use]
    pub const fn milli_per_second(self) -> u64 {
        1_000_000_000 / self.interval_us
    }
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self(1_000_000);

    /// So many thousandths, at least 1 and at most all of it.
    #[must_use]
    pub const fn thousandths(share: u16) -> Self {
        Self::millionths(if share == 0 { 1_000 } else { share as u32 * 1_000 })
    }

    /// So many millionths, at least 1 and at most all of it.
    #[must_use]
    pub const fn millionths(share: u32) -> Self {
        match share {
            0 => Self(1),
            1..=1_000_000 => Self(share),
            _ => Self::WHOLE,
        }
    }

    /// It in whole percent, rounded down.
    #[must_use]
    pub const fn percent(self) -> u64 {
        self.0 as u64 * 100 / Self::WHOLE.0 as u64
    }

    /// What each of so many has that share evenly.
    #[must_use]
    pub const fn of_one_in(count: u32) -> Self {
        match count {
            0 | 1 => Self::WHOLE,
            _ => Self::millionths(Self::WHOLE.0 / count),
        }
    }
}

/// The state of one caller under one limit. A new cell allows the whole burst.
#[derive(Debug, Default)]
pub struct Cell {
    /// In microseconds of the process's monotonic clock.
    theoretical_arrival: AtomicU64,
}

impl Cell {
    /// Whether it says no more than a new one would.
    #[must_use]
    pub fn is_idle(&self, now: MonoUs) -> bool {
        self.theoretical_arrival.load(Ordering::Relaxed) <= now.0
    }

    /// Counts one request if it conforms; a refused one costs the caller nothing.
    ///
    /// # Errors
    /// The request does not conform; when the next will.
    pub fn check(&self, now: MonoUs, quota: Quota) -> Result<Remaining, RetryAfter> {
        let window = quota.window_us();
        let next = |arrival: u64| arrival.max(now.0).saturating_add(quota.interval_us);
        let latest = now.0.saturating_add(window);
        // Relaxed: the word is all there is, and no other memory is published by it.
        let taken = self.theoretical_arrival.fetch_update(
            Ordering::Relaxed,
            Ordering::Relaxed,
            |arrival| Some(next(arrival)).filter(|next| *next <= latest),
        );
        match taken {
            Ok(before) => {
                let full_in_us = next(before) - now.0;
                let requests = window.saturating_sub(full_in_us) / quota.interval_us;
                Ok(Remaining { requests: u32::try_from(requests).unwrap_or(u32::MAX), full_in_us })
            }
            Err(before) => Err(RetryAfter { us: next(before).saturating_sub(latest).max(1) }),
        }
    }

    /// Goes over from one quota to another. As many requests conform at once as before, but for those beyond the new burst:
    /// a larger quota gives more with time alone. Else a share that wanders from gateway to gateway would be spent at each.
    pub fn resize(&self, now: MonoUs, from: Quota, to: Quota) {
        let (whole, window) = (from.window_us(), to.window_us());
        let moved = |arrival: u64| {
            let left = whole.saturating_sub(arrival.saturating_sub(now.0));
            let kept = u128::from(left) * u128::from(to.interval_us) / u128::from(from.interval_us);
            let kept = u64::try_from(kept).unwrap_or(u64::MAX).min(window);
            Some(now.0.saturating_add(window - kept))
        };
        // It always has a next value, so that it never fails.
        let _ = self.theoretical_arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_burst_is_let_in_and_then_one_an_interval() {
        let quota = Quota::new(3, 3 * SECOND).unwrap();
        let cell = Cell::default();
        let start = MonoUs(50 * SECOND);
        for left in [2, 1, 0] {
            assert_eq!(cell.check(start, quota).unwrap().requests, left);
        }
        assert_eq!(cell.check(start, quota), Err(RetryAfter { us: SECOND }));
        assert_eq!(cell.check(start.plus_us(SECOND - 1), quota), Err(RetryAfter { us: 1 }));
        assert_eq!(cell.check(start.plus_us(SECOND), quota).unwrap().requests, 0);
        assert_eq!(cell.check(start.plus_us(60 * SECOND), quota).unwrap().requests, 2);
    }

    #[test]
    fn a_quota_shrinks_with_the_share_but_never_to_nothing() {
        let quota = Quota::new(100, 60 * SECOND).unwrap();
        let tenth = quota.scaled(Share::thousandths(100));
        assert_eq!((tenth.burst(), tenth.window_us()), (10, 60 * SECOND));
        assert_eq!(quota.scaled(Share::thousandths(0)).burst(), 1);
        assert_eq!(quota.scaled(Share::thousandths(5000)), quota);
        assert_eq!(Quota::new(0, SECOND), None);
        assert_eq!(Quota::new(1, 0), None);
    }

    #[test]
    fn a_quota_that_grows_gives_more_with_time_alone() {
        let quota = Quota::new(100, 60 * SECOND).unwrap();
        let tenth = quota.scaled(Share::thousandths(100));
        let most = quota.scaled(Share::thousandths(900));
        let now = MonoUs(100 * SECOND);
        let left = |cell: &Cell, now, quota| match cell.check(now, quota) {
            Ok(left) => left.requests + 1,
            Err(_) => 0,
        };
        let cell = Cell::default();
        cell.resize(now, tenth, most);
        assert_eq!(left(&cell, now, most), 10, "as many as before");
        assert_eq!(left(&cell, now.plus_us(21 * SECOND), most), 40, "one less, and 31 with time");
        let cell = Cell::default();
        cell.resize(now, most, tenth);
        assert_eq!(left(&cell, now, tenth), 10);
        let cell = Cell::default();
        (0..85).for_each(|_| assert!(cell.check(now, most).is_ok()));
        cell.resize(now, most, tenth);
        assert_eq!(left(&cell, now, tenth), 5, "what was left is left");
    }

    #[test]
    fn a_clock_at_its_end_or_going_back_panics_nowhere() {
        let quota = Quota::new(2, SECOND).unwrap();
        let cell = Cell::default();
        for now in [u64::MAX, 0, u64::MAX - 1, 7] {
            let _ = cell.check(MonoUs(now), quota);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
    fn threads_together_get_no_more_than_the_burst() {
        let quota = Quota::new(100, 3600 * SECOND).unwrap();
        let cell = Cell::default();
        let count = || (0..1000).filter(|_| cell.check(MonoUs(SECOND), quota).is_ok()).count();
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 100);
    }

    proptest! {
        #[test]
        fn no_span_of_time_admits_more_than_burst_and_rate(
            requests in 1u32..50,
            window_ms in 1u64..5_000,
            waits in prop::collection::vec(0u64..200_000, 1..300),
        ) {
            let quota = Quota::new(requests, window_ms * 1000).unwrap();
            let cell = Cell::default();
            let mut now = MonoUs(SECOND);
            let mut admitted = Vec::new();
            for wait in waits {
                now = now.plus_us(wait);
                if cell.check(now, quota).is_ok() {
                    admitted.push(now.0);
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let allowed = u64::from(quota.burst) + (to - from) / quota.interval_us;
                    prop_assert!((last - first + 1) as u64 <= allowed);
                }
            }
        }

        #[test]
        fn shares_that_wander_between_gateways_give_one_quota_and_no_more(
            requests in 4u32..200,
            steps in prop::collection::vec(
                (prop::array::uniform3(0u32..1_000), 0u64..2_000),
                1..80,
            ),
        ) {
            let quota = Quota::new(requests, 10 * SECOND).unwrap();
            let cells: [Cell; 3] = Default::default();
            let mut shares = [Share::of_one_in(3); 3];
            let (start, mut now, mut admitted) = (MonoUs(SECOND), MonoUs(SECOND), 0_u64);
            for (parts, wait_ms) in steps {
                now = now.plus_ms(wait_ms);
                let all = parts.iter().sum::<u32>().max(1);
                let next = parts.map(|part| Share::millionths(part * 1_000_000 / all));
                for ((cell, from), to) in cells.iter().zip(shares).zip(next) {
                    cell.resize(now, quota.scaled(from), quota.scaled(to));
                    // A flood: whatever may be taken is.
                    while cell.check(now, quota.scaled(to)).is_ok() {
                        admitted += 1;
                    }
                }
                shares = next;
            }
            // No share is nothing: each of the three has a millionth, and is rounded once.
            let with_time = now.since(start).div_ceil(quota.interval_us) + 3;
            prop_assert!(admitted <= u64::from(requests) + with_time, "{admitted}");
        }

        #[test]
        fn whoever_waits_as_told_is_let_in(
            requests in 1u32..50,
            window_ms in 1u64..5_000,
            waits in prop::collection::vec(0u64..50_000, 1..100),
        ) {
            let quota = Quota::new(requests, window_ms * 1000).unwrap();
            let cell = Cell::default();
            let mut now = MonoUs(SECOND);
            for wait in waits {
                now = now.plus_us(wait);
                if let Err(retry) = cell.check(now, quota) {
                    now = now.plus_us(retry.us);
                    prop_assert!(cell.check(now, quota).is_ok());
                }
            }
        }

        #[test]
        fn waiting_longer_never_leaves_less(first in 0u64..10_000_000, more in 0u64..10_000_000) {
            let quota = Quota::new(10, 10 * SECOND).unwrap();
            let left = |wait: u64| {
                let cell = Cell::default();
                (0..10).for_each(|_| assert!(cell.check(MonoUs(SECOND), quota).is_ok()));
                cell.check(MonoUs(SECOND + wait), quota).map_or(-1, |left| i64::from(left.requests))
            };
            prop_assert!(left(first + more) >= left(first));
        }
    }
}
