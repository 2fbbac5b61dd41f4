//! The process's clocks.
//!
//! Decides only where the monotonic clock's zero lies: when the process first asked. Must never be
//! read by a core: times are passed in.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use proto_types::{MonoUs, WallMs};

/// The wall clock.
pub(crate) fn wall() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The clock that never goes back. A new limit cell is at 0, so time starts an hour later: no cell
/// must look as if it had just been used up.
pub(crate) fn mono() -> MonoUs {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed().as_micros();
    MonoUs(u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(3_600_000_000))
}
