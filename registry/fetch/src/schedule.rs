//! When something is fetched next, and how much of it: pure functions of time, seed and history.
//!
//! Decides by arithmetic; must never ask a clock or a random source. Times are milliseconds of one
//! clock, whichever the caller keeps to.

/// How often, and how much less often after failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From one success to the next fetch.
    pub every_ms: u64,
    /// The longest pause after failures.
    pub pause_ms_max: u64,
}

/// Doublings that are told apart: the pause is at its bound long before.
const DOUBLINGS_MAX: u32 = 16;

/// The jitter takes this part of a pause off, or adds it: a tenth keeps a thousand peers apart and
/// still lets an operator tell the period.
const JITTER_PART: u64 = 10;

impl Pace {
    /// When something new is fetched first: any time within a period, so that a start or a change
    /// of leader does not fetch everything at once.
    #[must_use]
    pub fn first(&self, seed: u64, key: &str, now_ms: u64) -> u64 {
        now_ms.saturating_add(noise(seed, key, 0) % self.every_ms.max(1))
    }

    /// When it is fetched again after `failures` failures in a row. A host that says how long it
    /// wants to be left alone is left alone, up to the longest pause.
    #[must_use]
    pub fn next(
        &self,
        (seed, key, round): (u64, &str, u64),
        past: PastAttempts,
        now_ms: u64,
    ) -> u64 {
        let doubled = self.every_ms.saturating_mul(1 << past.failures.min(DOUBLINGS_MAX));
        let bound = self.pause_ms_max.max(self.every_ms);
        let asked_ms = past.retry_after_s.unwrap_or(0).saturating_mul(1_000);
        let pause = doubled.max(asked_ms).min(bound);
        let span = pause / JITTER_PART;
        let jitter = noise(seed, key, round) % (2 * span + 1);
        now_ms.saturating_add(pause - span + jitter)
    }
}

/// How it went so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PastAttempts {
    /// Failures in a row.
    pub failures: u32,
    /// What the host asked for.
    pub retry_after_s: Option<u64>,
}

/// How much of something may be taken: pages and bytes, each counted down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Pages (requests) left.
    pub pages: u32,
    /// Bytes left.
    pub bytes: u64,
}

impl Budget {
    /// Takes a page; how many bytes it may have at most, or nothing if the budget is spent.
    pub fn page(&mut self, bytes_max: u64) -> Option<u64> {
        if self.bytes == 0 {
            return None;
        }
        self.pages = self.pages.checked_sub(1)?;
        Some(self.bytes.min(bytes_max))
    }

    /// Takes off what a page had.
    pub const fn took(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// FNV-1a over the key, stirred as SplitMix64 does: spread, not secrecy, is wanted.
fn noise(seed: u64, key: &str, round: u64) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mixed = key.as_bytes().iter().fold(seed ^ 0xcbf2_9ce4_8422_2325, fnv);
    let mut noise = mixed.wrapping_add(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    noise = (noise ^ (noise >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    noise = (noise ^ (noise >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    noise ^ (noise >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { every_ms: 1_000, pause_ms_max: 60_000 };

    fn past(failures: u32, retry_after_s: Option<u64>) -> PastAttempts {
        PastAttempts { failures, retry_after_s }
    }

    #[test]
    fn a_success_is_followed_after_a_period_give_or_take_a_tenth() {
        let times = (0..1_000).map(|round| PACE.next((7, "a", round), past(0, None), 5_000));
        let (least, most) = times.fold((u64::MAX, 0), |(least, most), at| {
            assert!((5_900..=6_100).contains(&at), "{at}");
            (least.min(at), most.max(at))
        });
        assert!(least < 5_950 && most > 6_050, "{least} to {most} is no jitter");
    }

    #[test]
    fn failures_double_the_pause_up_to_its_bound() {
        for (failures, pause) in [(1, 2_000), (3, 8_000), (6, 60_000), (40, 60_000)] {
            let at = PACE.next((7, "a", 1), past(failures, None), 0);
            assert!((pause * 9 / 10..=pause * 11 / 10).contains(&at), "{failures}: {at}");
        }
    }

    #[test]
    fn a_host_that_asks_for_a_pause_gets_it_up_to_the_bound() {
        let at = PACE.next((7, "a", 1), past(0, Some(20)), 0);
        assert!((18_000..=22_000).contains(&at), "{at}");
        let at = PACE.next((7, "a", 1), past(0, Some(u64::MAX)), 0);
        assert!(at <= 66_000, "{at}");
    }

    #[test]
    fn first_fetches_spread_over_the_period_and_repeat_with_the_seed() {
        let at = |seed, key: &str| PACE.first(seed, key, 100);
        let early = (0..100).filter(|n| at(1, &n.to_string()) < 600).count();
        assert!((30..70).contains(&early), "{early} of 100 in the first half");
        assert_eq!(at(1, "a"), at(1, "a"));
        assert_ne!(at(1, "a"), at(2, "a"));
    }

    #[test]
    fn case_27_a_budget_ends_by_pages_or_by_bytes() {
        let mut budget = Budget { pages: 2, bytes: 100 };
        assert_eq!(budget.page(60), Some(60));
        budget.took(60);
        assert_eq!(budget.page(60), Some(40));
        assert_eq!(budget.page(60), None);
        let mut budget = Budget { pages: 9, bytes: 10 };
        budget.took(11);
        assert_eq!(budget.page(60), None);
    }
}
