//! The node's clocks: one that never goes back, for leases, and the registry's time, for deadlines.
//! It decides only where zero lies; no core may see anything of it but numbers. The wall clock may be wrong: nobody else
//! looks at it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use node_core::RegistryTime;
use proto_types::{MonoUs, WallMs};

/// A clock that counts from its making. A copy of it hears no more of what the registry tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: Instant,
    registry: RegistryTime,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { zero: Instant::now(), registry: RegistryTime::default() }
    }

    /// Microseconds since the clock was made.
    pub(crate) fn now(&self) -> MonoUs {
        MonoUs(u64::try_from(self.zero.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// When the clock shows `at`.
    pub(crate) fn instant(&self, at: MonoUs) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.zero + Duration::from_micros(at.0))
    }

    /// Takes the registry's time, and says so if the wall clock is far from it.
    pub(crate) fn hear(&mut self, time: WallMs) {
        let at = self.now();
        let Some(off_ms) = self.registry.hear(time, wall(), at) else { return };
        let way = if off_ms > 0 { "ahead of" } else { "behind" };
        tracing::warn!(
            off_ms = off_ms.unsigned_abs(),
            "this node's clock is {way} the registry's time: the times in its log are wrong"
        );
    }

    /// The registry's time; the wall clock's, as long as the registry has said none.
    pub(crate) fn registry_time(&self) -> WallMs {
        self.registry.now(wall(), self.now())
    }
}

fn wall() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_registry_tells_goes_before_the_wall_clock() {
        const HOUR_MS: u64 = 3_600_000;
        let right = wall();
        for time in [right.plus_ms(HOUR_MS), right.minus_ms(HOUR_MS)] {
            let mut clock = Clock::new();
            assert!(clock.registry_time().0.abs_diff(right.0) < HOUR_MS / 2, "nothing was heard");
            clock.hear(time);
            assert!(clock.registry_time().0.abs_diff(time.0) < HOUR_MS / 2);
        }
    }
}
