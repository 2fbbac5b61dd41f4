//! What a loop does while what it needs is away: it waits longer each time, and says so seldom.
//!
//! It decides the pauses, and that of equal lines the first is logged and then one a minute with a count:
//! a process that cannot reach its registry over a night must fill no disk. It never sleeps nor logs itself.

use std::time::{Duration, Instant};

/// A person who looks at a log sees within a minute that it goes on.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The failures of one loop since it last succeeded.
#[derive(Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    pause: Duration,
    said: Option<Instant>,
    unsaid: u64,
}

/// What is to be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How long to wait before the next attempt.
    pub pause: Duration,
    /// Whether to log it, and how many failures before it were not logged.
    pub say: Option<u64>,
}

impl Backoff {
    /// Pauses from `least` to `most`, each twice the one before.
    #[must_use]
    pub fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, pause: least, said: None, unsaid: 0 }
    }

    /// Takes a failure into account.
    pub fn failed(&mut self, now: Instant) -> Failed {
        let pause = self.pause;
        self.pause = pause.saturating_mul(2).min(self.most);
        if self.said.is_some_and(|said| now.saturating_duration_since(said) < SAID_EVERY) {
            self.unsaid += 1;
            return Failed { pause, say: None };
        }
        self.said = Some(now);
        Failed { pause, say: Some(std::mem::take(&mut self.unsaid)) }
    }

    /// Begins anew: the next failure is logged, and the pause after it is the shortest.
    pub fn succeeded(&mut self) {
        *self = Self::new(self.least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_said_and_then_one_a_minute_with_a_count() {
        let (least, most) = (Duration::from_millis(200), Duration::from_secs(5));
        let (start, mut backoff) = (Instant::now(), Backoff::new(least, most));
        let mut at = Duration::ZERO;
        let (mut said, mut counted) = (Vec::new(), 0);
        while at < Duration::from_secs(180) {
            let failed = backoff.failed(start + at);
            if let Some(unsaid) = failed.say {
                said.push(at.as_secs());
                counted += unsaid + 1;
            }
            at += failed.pause;
        }
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(counted > 20, "those that were not said are counted: {counted}");
        assert_eq!(backoff.failed(start + at).pause, most);
        backoff.succeeded();
        assert_eq!(backoff.failed(start + at), Failed { pause: least, say: Some(0) });
    }
}
