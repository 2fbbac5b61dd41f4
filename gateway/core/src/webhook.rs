//! Deliveries of envelopes to webhooks: what an answer means, when one that failed is made again, how one is signed, and
//! when a target is left alone.
//!
//! Decides from counts, times and random numbers that are arguments. Must never know what is delivered, nor say that one was
//! taken whose receiver did not say so.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::MonoUs;
use sha2::Sha256;

/// Before the second attempt, at most; twice as long before each further one.
const RETRY_MS: u64 = 1_000;
/// Before any attempt, at most: whoever mends a receiver sees it work within the hour.
const RETRY_MS_MAX: u64 = 3_600_000;

/// The time until the next attempt of what has failed so often before this one: full jitter, so that many that failed
/// together do not come again together ("Exponential Backoff And Jitter", AWS, 2015).
#[must_use]
pub const fn retry_in_ms(failed_before: u32, draw: u64) -> u64 {
    let doublings = if failed_before < 32 { failed_before } else { 32 };
    let longest = RETRY_MS << doublings;
    let longest = if longest < RETRY_MS_MAX { longest } else { RETRY_MS_MAX };
    draw % (longest + 1)
}

/// What an answer of a receiver means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has taken the envelope.
    Taken,
    /// It wants this one never again.
    Gone,
    /// It does not want this one as it is; others it may.
    Refused,
    /// It takes none now.
    Unavailable,
}

impl Verdict {
    /// By the status of the answer (RFC 9110, section 15). A redirect is followed nowhere, so it is a refusal.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Taken,
            410 => Self::Gone,
            408 | 425 | 429 | 500.. => Self::Unavailable,
            _ => Self::Refused,
        }
    }
}

/// The value of `Ecumene-Signature`: when it was signed, in seconds since 1970, and the HMAC-SHA-256 of that, a dot and the
/// body. A receiver that compares both knows who sent it, and refuses what somebody sends again much later.
#[must_use]
pub fn signature(secret: &[u8], at_s: u64, body: &[u8]) -> String {
    let mut keyed = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    keyed.update(at_s.to_string().as_bytes());
    keyed.update(b".");
    keyed.update(body);
    let mut value = format!("t={at_s},v1=");
    for byte in keyed.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(value, "{byte:02x}");
    }
    value
}

/// Failures in a row after which a target is left alone. Arbitrary.
const FAILURES_MAX: u32 = 5;
/// For how long at first; twice as long after each trial that fails.
const OPEN_US: u64 = 10_000_000;
/// For how long at most.
const OPEN_US_MAX: u64 = 300_000_000;

/// Whether one target is called. Closed, it is; open, it is left alone for a while; then one delivery at a time is a trial.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    failures: u32,
    /// Until when it is open, and how long that was.
    open: Option<(MonoUs, u64)>,
}

impl Breaker {
    /// How many of `most` deliveries may begin now.
    ///
    /// # Errors
    /// None before the time that it says.
    pub fn room(&self, now: MonoUs, most: u32) -> Result<u32, MonoUs> {
        match self.open {
            None => Ok(most),
            Some((until, _)) if until <= now => Ok(1),
            Some((until, _)) => Err(until),
        }
    }

    /// The target has answered as one that works.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It has not. Says for how long it is left alone, if that begins now.
    pub fn failed(&mut self, now: MonoUs) -> Option<u64> {
        self.failures = self.failures.saturating_add(1);
        let longer = match self.open {
            // Of a delivery that began before it was opened.
            Some((until, _)) if until > now => return None,
            Some((_, last)) => last.saturating_mul(2).min(OPEN_US_MAX),
            None if self.failures < FAILURES_MAX => return None,
            None => OPEN_US,
        };
        self.open = Some((now.plus_us(longer), longer));
        Some(longer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: MonoUs = MonoUs(1_000_000_000);

    #[test]
    fn only_a_receiver_that_says_so_has_taken_an_envelope() {
        for (status, verdict) in [
            (200, Verdict::Taken),
            (204, Verdict::Taken),
            (199, Verdict::Refused),
            (302, Verdict::Refused),
            (404, Verdict::Refused),
            (410, Verdict::Gone),
            (408, Verdict::Unavailable),
            (429, Verdict::Unavailable),
            (500, Verdict::Unavailable),
            (599, Verdict::Unavailable),
        ] {
            assert_eq!(Verdict::of_status(status), verdict, "{status}");
        }
    }

    #[test]
    fn the_signature_is_the_hmac_of_time_and_body() {
        let signed = signature(b"webhook-secret-of-the-tests", 1_800_000_000, b"{\"a\":1}");
        // Of Python's hmac.
        let hmac = "79526b4dcefe84a6c35e8217710e093e7e185fec3ef296e3c0ca78b09e5474a4";
        assert_eq!(signed, format!("t=1800000000,v1={hmac}"));
        assert_ne!(signature(b"another-secret-of-the-tests", 1_800_000_000, b"{\"a\":1}"), signed);
    }

    #[test]
    fn the_longest_pause_doubles_up_to_an_hour() {
        for (failed_before, longest) in
            [(0, 1_000), (1, 2_000), (2, 4_000), (11, 2_048_000), (12, 3_600_000)]
        {
            assert_eq!(retry_in_ms(failed_before, longest), longest, "{failed_before}");
            assert_eq!(retry_in_ms(failed_before, longest + 1), 0, "{failed_before}");
        }
        assert!(retry_in_ms(u32::MAX, u64::MAX) <= RETRY_MS_MAX);
    }

    #[test]
    fn a_target_that_fails_five_times_in_a_row_is_left_alone_and_then_tried_once_at_a_time() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(START);
        }
        breaker.succeeded();
        for _ in 0..4 {
            breaker.failed(START);
            assert_eq!(breaker.room(START, 8), Ok(8));
        }
        assert_eq!(breaker.failed(START), Some(10_000_000));
        let (first, half) = (START.plus_us(10_000_000), START.plus_us(5_000_000));
        assert_eq!(breaker.room(half, 8), Err(first));
        assert_eq!(breaker.failed(half), None);
        assert_eq!(breaker.room(first, 8), Ok(1), "what began before opens it no longer");
        assert_eq!(breaker.failed(first), Some(20_000_000));
        let second = first.plus_us(20_000_000);
        assert_eq!(breaker.room(first, 8), Err(second));
        assert_eq!(breaker.room(second, 8), Ok(1));
        breaker.succeeded();
        assert_eq!(breaker.room(second, 8), Ok(8));
    }

    proptest! {
        /// Caught: a pause that doubles without a bound.
        #[test]
        fn a_target_is_never_left_alone_for_more_than_five_minutes(
            steps in prop::collection::vec(0_u64..600_000_000, 1..60)
        ) {
            let (mut breaker, mut now) = (Breaker::default(), START);
            for step in steps {
                now = now.plus_us(step);
                breaker.failed(now);
                if let Err(until) = breaker.room(now, 8) {
                    prop_assert!(until.since(now) <= OPEN_US_MAX);
                }
            }
        }
    }
}
