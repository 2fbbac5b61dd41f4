//! Whether a replica works: after failures in a row it is left alone, each time for longer.
//!
//! Decides for how long. Must never eject on its own: how many may be left alone at once, all replicas of the agent tell.

use proto_types::MonoUs;

/// Failures in a row after which a replica is left alone (Envoy: `consecutive_5xx`).
pub(super) const FAILURES_MAX: u32 = 5;
/// How long the first time. Arbitrary: as long as until the next probe.
pub(super) const EJECTION_US: u64 = 10_000_000;
/// How often the time doubles: up to some five minutes, as in Envoy.
const DOUBLINGS_MAX: u32 = 5;

/// What is known of one replica.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// In a row.
    failures: u32,
    /// How often it was left alone, less what it has made good.
    ejections: u32,
    ejected_until: Option<MonoUs>,
}

impl Health {
    pub(super) fn is_ejected(&self, now: MonoUs) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }

    /// A call was answered.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.ejections = self.ejections.saturating_sub(1);
        self.ejected_until = None;
    }

    /// A probe was answered: it may be called again, but whether it does its work is not said.
    pub(super) const fn answered(&mut self) {
        self.ejected_until = None;
    }

    /// A call or a probe was not answered.
    pub(super) fn failed(&mut self, now: MonoUs, may_eject: bool) {
        self.failures = self.failures.saturating_add(1);
        if self.is_ejected(now) || self.failures < FAILURES_MAX || !may_eject {
            return;
        }
        let us = EJECTION_US << self.ejections.min(DOUBLINGS_MAX);
        self.ejected_until = Some(now.plus_us(us));
        self.ejections = self.ejections.saturating_add(1);
        // When it comes back, the first call tells whether it stays.
        self.failures = FAILURES_MAX - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: MonoUs = MonoUs(1_000_000_000);

    fn ejected() -> Health {
        let mut health = Health::default();
        (0..FAILURES_MAX).for_each(|_| health.failed(START, true));
        health
    }

    #[test]
    fn it_is_left_alone_after_failures_in_a_row_and_each_time_for_twice_as_long() {
        let mut health = Health::default();
        (1..FAILURES_MAX).for_each(|_| health.failed(START, true));
        assert!(!health.is_ejected(START));
        health.succeeded();
        (1..FAILURES_MAX).for_each(|_| health.failed(START, true));
        assert!(!health.is_ejected(START), "not in a row");
        health.failed(START, true);
        assert!(health.is_ejected(START.plus_us(EJECTION_US - 1)));
        let back = START.plus_us(EJECTION_US);
        assert!(!health.is_ejected(back));
        health.failed(back, true);
        assert!(health.is_ejected(back.plus_us(2 * EJECTION_US - 1)));
        assert!(!health.is_ejected(back.plus_us(2 * EJECTION_US)));
        // The time is bounded however often it fails.
        let mut now = back;
        for _ in 0..100 {
            now = now.plus_us(EJECTION_US << DOUBLINGS_MAX);
            assert!(!health.is_ejected(now));
            health.failed(now, true);
        }
    }

    #[test]
    fn a_probe_brings_it_back_on_trial_and_a_call_makes_good() {
        let mut health = ejected();
        health.answered();
        assert!(!health.is_ejected(START));
        health.failed(START, true);
        assert!(health.is_ejected(START.plus_us(2 * EJECTION_US - 1)));
        let mut health = ejected();
        health.succeeded();
        health.failed(START, true);
        assert!(!health.is_ejected(START));
    }

    #[test]
    fn it_is_called_on_where_it_may_not_be_left_alone() {
        let mut health = Health::default();
        (0..100).for_each(|_| health.failed(START, false));
        assert!(!health.is_ejected(START));
        health.failed(START, true);
        assert!(health.is_ejected(START));
    }
}
