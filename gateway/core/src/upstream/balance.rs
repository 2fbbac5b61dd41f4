//! How much a replica has to do: calls in flight, times how long it takes for one.
//!
//! Decides which of two replicas has less to do. Must never shut a replica out for what it did long ago: what was measured
//! fades.

use proto_types::MonoUs;

/// A measured mean counts half after so long. Arbitrary: a replica that was slow is tried again within a minute.
const HALF_LIFE_US: u64 = 10_000_000;
/// A mean that is older begins anew.
const STALE_US: u64 = 3 * HALF_LIFE_US;
/// A new measurement is one part in so many of the mean.
const WEIGHT: u64 = 8;

/// What one replica has to do.
#[derive(Debug, Default)]
pub(super) struct Load {
    in_flight: u32,
    /// The exponentially weighted mean, once there is one.
    latency_us: Option<u64>,
    measured_at: MonoUs,
}

impl Load {
    pub(super) const fn begin(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// A call may end at a replica that was taken away and came back meanwhile.
    pub(super) const fn end(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn observe(&mut self, now: MonoUs, latency_us: u64) {
        let is_fresh = now.since(self.measured_at) < STALE_US;
        let mean = self.latency_us.filter(|_| is_fresh);
        self.latency_us =
            Some(mean.map_or(latency_us, |mean| mean - mean / WEIGHT + latency_us / WEIGHT));
        self.measured_at = now;
    }

    /// Whether this replica has at most as much to do as the other. If one of them was never measured, calls in flight
    /// alone are compared, and where they are equal that one is tried.
    pub(super) fn is_at_most(&self, other: &Self, now: MonoUs) -> bool {
        match (self.cost(now), other.cost(now)) {
            (Some(own), Some(others)) => own <= others,
            (own, others) => (self.in_flight, own.is_some()) <= (other.in_flight, others.is_some()),
        }
    }

    fn cost(&self, now: MonoUs) -> Option<u64> {
        let halvings = (now.since(self.measured_at) / HALF_LIFE_US).min(63);
        let latency_us = (self.latency_us? >> halvings).max(1);
        Some(latency_us.saturating_mul(u64::from(self.in_flight).saturating_add(1)))
    }
}

/// Two different ones of these, as a random number has it; the same twice if there is only one.
pub(super) fn two_of(draw: u64, of: &[usize]) -> Option<(usize, usize)> {
    let first = below(draw & u64::from(u32::MAX), of.len())?;
    let second = below(draw >> 32, of.len() - 1).map_or(first, |at| at + usize::from(at >= first));
    Some((*of.get(first)?, *of.get(second)?))
}

fn below(draw: u64, count: usize) -> Option<usize> {
    usize::try_from(draw.checked_rem(count as u64)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: MonoUs = MonoUs(1_000_000_000);

    fn load(in_flight: u32, latency_us: Option<u64>) -> Load {
        let mut load = Load::default();
        if let Some(latency_us) = latency_us {
            load.observe(START, latency_us);
        }
        (0..in_flight).for_each(|_| load.begin());
        load
    }

    #[test]
    fn calls_in_flight_count_by_how_long_they_take() {
        for (one, other, expected) in [
            (load(0, Some(100)), load(0, Some(200)), true),
            (load(0, Some(200)), load(0, Some(100)), false),
            (load(3, Some(100)), load(0, Some(200)), false),
            (load(1, Some(100)), load(0, Some(200)), true),
            // One was never measured.
            (load(0, None), load(0, Some(1)), true),
            (load(0, Some(1)), load(0, None), false),
            (load(1, None), load(0, Some(1_000)), false),
            (load(0, None), load(0, None), true),
        ] {
            assert_eq!(one.is_at_most(&other, START), expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_was_slow_once_is_tried_again() {
        let (slow, quick) = (load(0, Some(1_000_000)), load(0, Some(100_000)));
        assert!(!slow.is_at_most(&quick, START));
        let later = START.plus_us(4 * HALF_LIFE_US);
        let mut quick = quick;
        quick.observe(later, 100_000);
        assert!(slow.is_at_most(&quick, later));
    }

    #[test]
    fn the_mean_follows_what_is_measured() {
        let mut load = load(0, Some(800));
        load.observe(START, 1_600);
        assert_eq!(load.latency_us, Some(900));
        load.observe(START.plus_us(STALE_US), 10);
        assert_eq!(load.latency_us, Some(10));
    }

    proptest! {
        #[test]
        fn two_are_different_where_there_are_two(draw: u64, count in 1_usize..9) {
            let of: Vec<usize> = (10..10 + count).collect();
            let is_fit = |(first, second): (usize, usize)| {
                of.contains(&first) && of.contains(&second) && (first == second) == (count == 1)
            };
            prop_assert!(two_of(draw, &of).is_some_and(is_fit));
            prop_assert_eq!(two_of(draw, &[]), None);
        }
    }
}
