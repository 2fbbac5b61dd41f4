//! Entries are stamped with the time of a majority's clocks, whatever one clock shows and whoever leads.
//!
//! A member remembers what the others' clocks showed, so each clock counts at its farthest, and messages take time, so a
//! stamp may be late. What is left is that a clock which no majority has ever agreed with moves nothing.

use proto_types::WallMs;

use crate::seen::Seen;
use crate::time::{START, Us};

use super::{Invariant, Verdict};

/// By member: how far its clock was behind and ahead of the true time at most, in ms.
#[derive(Debug)]
pub(super) struct TimeIsAMajoritys(Vec<(i64, i64)>);

impl TimeIsAMajoritys {
    pub(super) fn new(members: usize) -> Self {
        Self(vec![(0, 0); members])
    }

    /// The earliest stamp, from the beginning of the world, and the latest, from the true time.
    fn bounds(&self) -> (i64, i64) {
        // So many clocks may be wrong.
        let wrong = (self.0.len() - 1) / 2;
        let (mut behind, mut ahead): (Vec<i64>, Vec<i64>) = self.0.iter().copied().unzip();
        behind.sort_unstable();
        ahead.sort_unstable_by(|left, right| right.cmp(left));
        (behind[wrong], ahead[wrong])
    }

    fn judge(&self, at: Us, time: WallMs) -> Verdict {
        let ms = |ms: u64| i64::try_from(ms).expect("a short world");
        let (stamp, (earliest, latest)) = (ms(time.0) - ms(START.0), self.bounds());
        let latest = ms(at / 1_000) + latest;
        match (earliest..=latest).contains(&stamp) {
            true => Ok(()),
            false => Err(format!("stamped {stamp} ms; {earliest} to {latest} is a majority's")),
        }
    }
}

impl Invariant for TimeIsAMajoritys {
    fn name(&self) -> &'static str {
        "time is a majority's"
    }

    fn observe(&mut self, seen: &Seen) -> Verdict {
        match seen {
            Seen::ClockSet { member, off_ms } => {
                let (behind, ahead) = &mut self.0[*member];
                (*behind, *ahead) = ((*behind).min(*off_ms), (*ahead).max(*off_ms));
                Ok(())
            }
            Seen::Stamped { at, time } => self.judge(*at, *time),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clock_moves_nothing_and_two_of_three_do() {
        const HOUR_MS: u64 = 3_600_000;
        let set = |member, off_ms| Seen::ClockSet { member, off_ms };
        let stamped = |time| Seen::Stamped { at: 2_000_000, time };
        let (ahead, behind) = (START.plus_ms(HOUR_MS), START.minus_ms(HOUR_MS));
        let mut invariant = TimeIsAMajoritys::new(3);
        for off_ms in [3_600_000, -3_600_000, 0] {
            assert!(invariant.observe(&set(0, off_ms)).is_ok());
        }
        for time in [START, START.plus_ms(2_000)] {
            assert!(invariant.observe(&stamped(time)).is_ok(), "{time}");
        }
        for time in [ahead, behind, START.plus_ms(2_001)] {
            assert!(invariant.observe(&stamped(time)).is_err(), "{time}");
        }
        assert!(invariant.observe(&set(1, 3_600_000)).is_ok());
        assert!(invariant.observe(&stamped(ahead)).is_ok());
        assert!(invariant.observe(&stamped(behind)).is_err());
    }
}
