//! The time of a world, and when every world begins.

use proto_types::WallMs;

/// Microseconds since the world began.
pub(crate) type Us = u64;

/// When worlds begin: a round time, far from the epoch.
pub(crate) const START: WallMs = WallMs(1_800_000_000_000);
