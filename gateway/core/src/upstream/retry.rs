//! The retries of one agent: a share of its calls, and a few a second where there are few calls.
//!
//! Decides whether one more call may be repeated. Must never let an agent that fails be called much more often for it.

use proto_types::MonoUs;

use crate::gcra::{Cell, Quota};

/// What a retry costs.
const COST: u32 = 1_000;
/// What each call earns: one retry in five calls, as in Finagle and Linkerd.
const EARNED: u32 = 200;
/// What can be saved up. Arbitrary: it bounds the retries after a long time without any.
const SAVED_MAX: u32 = 100 * COST;
/// Retries in each second that need not be earned.
const FREE: Quota = Quota::new(10, 1_000_000).expect("neither is zero");

/// What may be spent on retries.
#[derive(Debug, Default)]
pub struct RetryBudget {
    saved: u32,
    free: Cell,
}

impl RetryBudget {
    /// Counts a call that is no retry.
    pub fn deposit(&mut self) {
        self.saved = self.saved.saturating_add(EARNED).min(SAVED_MAX);
    }

    /// Whether one call may be repeated, which is counted then.
    #[must_use]
    pub fn try_withdraw(&mut self, now: MonoUs) -> bool {
        if let Some(left) = self.saved.checked_sub(COST) {
            self.saved = left;
            return true;
        }
        self.free.check(now, FREE).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: MonoUs = MonoUs(1_000_000_000);

    fn withdrawn(budget: &mut RetryBudget, now: MonoUs) -> usize {
        (0..1_000).filter(|_| budget.try_withdraw(now)).count()
    }

    #[test]
    fn one_call_in_five_may_be_repeated_and_ten_a_second_beside() {
        let mut budget = RetryBudget::default();
        assert_eq!(withdrawn(&mut budget, START), 10);
        assert_eq!(withdrawn(&mut budget, START), 0);
        (0..100).for_each(|_| budget.deposit());
        assert_eq!(withdrawn(&mut budget, START), 20);
        assert_eq!(withdrawn(&mut budget, START.plus_us(1_000_000)), 10);
        (0..100_000).for_each(|_| budget.deposit());
        assert_eq!(withdrawn(&mut budget, START.plus_us(1_000_000)), 100);
    }
}
