//! The state machine's time never goes back, whatever the leaders' clocks do.
//!
//! Replays after a crash repeat what was seen, so it is checked along the log.

use std::collections::BTreeMap;

use proto_types::WallMs;

use crate::seen::Seen;

use super::{Invariant, Verdict};

#[derive(Debug, Default)]
pub(super) struct TimeNeverFalls(BTreeMap<u64, WallMs>);

impl Invariant for TimeNeverFalls {
    fn name(&self) -> &'static str {
        "time never falls"
    }

    fn observe(&mut self, seen: &Seen) -> Verdict {
        let Seen::Applied { applied, clock, .. } = seen else { return Ok(()) };
        self.0.insert(applied.index, *clock);
        let before = self.0.range(..applied.index).next_back();
        match before.filter(|(_, earlier)| *earlier > clock) {
            Some((at, _)) => Err(format!("time fell between entries {at} and {}", applied.index)),
            None => Ok(()),
        }
    }
}
