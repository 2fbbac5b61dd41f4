//! The registry's time on a node whose own wall clock may be wrong.
//!
//! Decides what time it is by what the registry has said, and when a wall clock that is far from it is named. Must never go
//! by the wall clock once a time was heard.

use proto_types::{MonoUs, WallMs};

/// A wall clock that is further off is named.
const OFF_MS_MAX: u64 = 30_000;

/// From one naming to the next, at least.
const NAMED_EVERY_US: u64 = 60_000_000;

/// What a node knows of the registry's time. Between two words of the registry it goes on by the clock that never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistryTime {
    /// What was heard last, and when.
    heard: Option<(WallMs, MonoUs)>,
    /// When the wall clock was named last.
    named: Option<MonoUs>,
}

impl RegistryTime {
    /// Takes what the registry tells. If the wall clock is to be named now: by how many ms it is off, below 0 if it is
    /// behind.
    pub fn hear(&mut self, time: WallMs, wall: WallMs, at: MonoUs) -> Option<i64> {
        self.heard = Some((time, at));
        let off_ms = wall.0.abs_diff(time.0);
        let is_named = self.named.is_some_and(|named| at.since(named) < NAMED_EVERY_US);
        if off_ms <= OFF_MS_MAX || is_named {
            return None;
        }
        self.named = Some(at);
        let off_ms = i64::try_from(off_ms).unwrap_or(i64::MAX);
        Some(if wall < time { -off_ms } else { off_ms })
    }

    /// The registry's time; what the wall clock shows, as long as none was heard: a registry of an older version tells none.
    #[must_use]
    pub fn now(&self, wall: WallMs, at: MonoUs) -> WallMs {
        self.heard.map_or(wall, |(time, since)| time.plus_ms(at.since(since) / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const HEARD: WallMs = WallMs(1_774_008_000_000);

    fn seconds(count: u64) -> MonoUs {
        MonoUs(count * 1_000_000)
    }

    #[test]
    fn the_time_is_the_registrys_whatever_the_wall_clock_shows() {
        let hours = [HEARD.plus_ms(HOUR_MS), HEARD.minus_ms(HOUR_MS)];
        for wall in [HEARD, hours[0], hours[1], WallMs(0), WallMs(u64::MAX)] {
            let mut time = RegistryTime::default();
            assert_eq!(time.now(wall, seconds(5)), wall, "nothing was heard");
            time.hear(HEARD, wall, seconds(5));
            assert_eq!(time.now(wall, seconds(5)), HEARD);
            assert_eq!(time.now(wall, seconds(65)), HEARD.plus_ms(60_000), "it goes on");
            time.hear(HEARD.plus_ms(1), wall, seconds(65));
            assert_eq!(time.now(wall, seconds(65)), HEARD.plus_ms(1), "the newest word counts");
        }
    }

    #[test]
    fn a_wall_clock_that_is_far_off_is_named_once_a_minute() {
        let mut time = RegistryTime::default();
        for (at, wall, named) in [
            (0, HEARD.plus_ms(OFF_MS_MAX), None),
            (1, HEARD.minus_ms(OFF_MS_MAX), None),
            (2, HEARD.plus_ms(OFF_MS_MAX + 1), Some(30_001)),
            (3, HEARD.minus_ms(HOUR_MS), None),
            (61, HEARD.minus_ms(HOUR_MS), None),
            (62, HEARD.minus_ms(HOUR_MS), Some(-3_600_000)),
            (122, HEARD, None),
            (123, WallMs(u64::MAX), Some(i64::MAX)),
        ] {
            assert_eq!(time.hear(HEARD, wall, seconds(at)), named, "at {at} s");
        }
    }
}
