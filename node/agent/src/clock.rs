//! The node's clocks: one that never goes back, for leases, and the wall, for people.
//! It decides only where zero lies; no core may see anything of it but numbers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proto_types::{MonoUs, WallMs};

/// A clock that counts from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Microseconds since the clock was made.
    pub(crate) fn now(&self) -> MonoUs {
        MonoUs(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// When the clock shows `at`.
    pub(crate) fn instant(&self, at: MonoUs) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + Duration::from_micros(at.0))
    }
}

/// The wall clock.
pub(crate) fn wall() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
