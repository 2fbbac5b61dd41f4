//! How many calls may be admitted at once: as many as keep the way to a spent token quick.
//!
//! The latency that counts is that of spending, with what a token pays for: the registry's commit, and the queues of this
//! machine's threads before and after it. How long an agent works is no part of it. By Little's law the calls under way are rate
//! times latency: once the rate does not rise any more, more calls only make each of them slower, so that past a bearable
//! latency the limit shrinks with it (the gradient, as in Netflix's concurrency-limits and in Envoy), and while it is in use
//! and all is well it grows by its square root.
//!
//! Decides by samples and times that it is given. Must never fall below the least that its operator allows, nor grow while
//! nobody comes near it: it would know nothing of what it allows.

use proto_types::MonoUs;

/// More wait for nothing but the registry's queue.
pub const LIMIT_MAX: u32 = 8_192;
/// Samples are taken together over this span, so that one slow commit decides nothing.
const WINDOW_US: u64 = 1_000_000;
/// And over as many as these. A window that does not come to them is begun anew.
const SAMPLES_MIN: u64 = 16;
const WINDOW_US_MAX: u64 = 10 * WINDOW_US;
/// What is always borne: a commit on a slow disk, or an election that is quick. A limit that shrank for less would refuse work
/// that a patient caller wants done.
const BEARABLE_US: u64 = 250_000;
/// So many times the least latency is borne too: batches fill as load rises. What counts as the least is never more than
/// [`BEARABLE_US`], so that a gateway that starts under a flood does not take that for its rest.
const BEARABLE_TIMES: u64 = 4;
/// The least latency rises by this part of itself with each window: a registry that has moved further away is what is normal
/// after a quarter of an hour.
const FORGET_PART: u64 = 1_024;

/// The limit, and what it is reckoned from.
#[derive(Clone, Debug)]
pub struct Controller {
    limit: u32,
    /// The least mean of a window; 0 before the first.
    least_us: u64,
    window: Window,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: MonoUs,
    samples: u64,
    sum_us: u64,
    in_flight_max: u32,
}

impl Default for Controller {
    /// It begins open: nothing is known against it.
    fn default() -> Self {
        Self { limit: LIMIT_MAX, least_us: 0, window: Window::default() }
    }
}

impl Controller {
    /// Calls that may be under way at once.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// Takes the latency of a call that has ended, with how many were under way, itself among them. The limit is never below
    /// `floor`.
    pub fn sample(&mut self, now: MonoUs, latency_us: u64, (in_flight, floor): (u32, u32)) {
        let window = &mut self.window;
        if window.samples == 0 || now.since(window.began) > WINDOW_US_MAX {
            *window = Window { began: now, ..Window::default() };
        }
        window.samples += 1;
        window.sum_us = window.sum_us.saturating_add(latency_us);
        window.in_flight_max = window.in_flight_max.max(in_flight);
        if window.samples >= SAMPLES_MIN && now.since(window.began) >= WINDOW_US {
            let window = std::mem::take(window);
            self.limit = self.next(window).clamp(floor.clamp(1, LIMIT_MAX), LIMIT_MAX);
        }
    }

    fn next(&mut self, window: Window) -> u32 {
        let mean = window.sum_us / window.samples;
        let risen = self.least_us.saturating_add(self.least_us / FORGET_PART + 1);
        let least = if self.least_us == 0 { mean } else { mean.min(risen) };
        self.least_us = least.min(BEARABLE_US);
        let bearable = self.least_us.saturating_mul(BEARABLE_TIMES).max(BEARABLE_US);
        if mean > bearable {
            // What was under way is what brought it about, and no window halves it more than once.
            let caused = self.limit.min(window.in_flight_max);
            let fits = u64::from(caused) * bearable / mean;
            return u32::try_from(fits).unwrap_or(caused).max(caused / 2);
        }
        match window.in_flight_max >= self.limit / 2 {
            true => self.limit.saturating_add(self.limit.isqrt()),
            false => self.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: u32 = 64;

    /// A second of a registry that commits `rate` calls a second, whatever waits, for callers of whom `offered` want to be
    /// under way at once; how many were.
    fn second(controller: &mut Controller, at: &mut MonoUs, (rate, offered): (u64, u32)) -> u32 {
        let in_flight = offered.min(controller.limit());
        let latency_us = (u64::from(in_flight) * 1_000_000 / rate).max(1_000);
        for _ in 0..=rate {
            *at = at.plus_us(1_000_000 / rate);
            controller.sample(*at, latency_us, (in_flight, FLOOR));
        }
        in_flight
    }

    #[test]
    fn a_quick_registry_is_never_limited() {
        let (mut controller, mut at) = (Controller::default(), MonoUs(1));
        for _ in 0..60 {
            second(&mut controller, &mut at, (8_000, 1_000));
        }
        assert_eq!(controller.limit(), LIMIT_MAX);
    }

    #[test]
    fn load_is_shed_until_latency_is_bearable_and_taken_again_once_it_can_be_carried() {
        let (mut controller, mut at) = (Controller::default(), MonoUs(1));
        second(&mut controller, &mut at, (2_000, 20));
        for _ in 0..20 {
            second(&mut controller, &mut at, (2_000, 8_000));
        }
        let in_flight = second(&mut controller, &mut at, (2_000, 8_000));
        let latency_ms = u64::from(in_flight) * 1_000 / 2_000;
        assert!((150..=300).contains(&latency_ms), "{latency_ms} ms with {in_flight} at once");
        for _ in 0..200 {
            second(&mut controller, &mut at, (40_000, 8_000));
        }
        assert_eq!(controller.limit(), LIMIT_MAX, "the registry is quicker now");
    }

    #[test]
    fn a_registry_that_stands_still_leaves_the_floor_and_no_less() {
        let (mut controller, mut at) = (Controller::default(), MonoUs(1));
        second(&mut controller, &mut at, (2_000, 20));
        for _ in 0..30 {
            second(&mut controller, &mut at, (20, 8_000));
        }
        assert_eq!(controller.limit(), FLOOR);
    }

    #[test]
    fn a_limit_that_nobody_comes_near_stays_what_it_is() {
        let (mut controller, mut at) = (Controller::default(), MonoUs(1));
        for _ in 0..20 {
            second(&mut controller, &mut at, (200, 8_000));
        }
        let limit = controller.limit();
        assert!(limit < 250, "what takes a second at 200 a second: {limit}");
        for _ in 0..20 {
            second(&mut controller, &mut at, (200, 5));
        }
        assert_eq!(controller.limit(), limit);
    }

    #[test]
    fn few_calls_decide_nothing() {
        let (mut controller, mut at) = (Controller::default(), MonoUs(1));
        for _ in 0..15 {
            at = at.plus_us(2 * WINDOW_US_MAX);
            controller.sample(at, 60_000_000, (1, FLOOR));
        }
        assert_eq!(controller.limit(), LIMIT_MAX);
    }
}
