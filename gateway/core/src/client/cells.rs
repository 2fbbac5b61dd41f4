//! The limits of callers that nobody lists one by one: the users of an identity provider, addresses.
//!
//! Decides whose request conforms, by `gcra`. Must never grow beyond its bound, nor forget a caller that has used up anything:
//! when all places are such callers', a new one waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use proto_types::{Digest, MonoUs};

use crate::gcra::{Cell, Quota, Remaining, RetryAfter};

/// Callers that are counted at once. Each takes some 80 bytes.
const CELLS_MAX: usize = 65_536;

/// Between two looks for callers that need no place any more; and how long a new one waits for a place.
const SWEEP_US: u64 = 1_000_000;

/// What callers have used up, by the digest of their names.
#[derive(Debug, Default)]
pub struct Cells(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// With the quota that each was counted by last.
    cells: BTreeMap<Digest, (Quota, Cell)>,
    swept: MonoUs,
}

impl Cells {
    /// Counts one request of a caller if it conforms.
    ///
    /// # Errors
    /// It does not; when the next will.
    pub fn check(&self, who: Digest, now: MonoUs, quota: Quota) -> Result<Remaining, RetryAfter> {
        // The lock is held for arithmetic only, which does not panic between two writes.
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.cells.contains_key(&who) && !counted.has_room(now) {
            return Err(RetryAfter { us: SWEEP_US });
        }
        let (by, cell) = counted.cells.entry(who).or_insert_with(|| (quota, Cell::default()));
        if *by != quota {
            cell.resize(now, *by, quota);
            *by = quota;
        }
        cell.check(now, quota)
    }
}

impl Counted {
    /// Whether there is a place, once those are given back that say nothing.
    fn has_room(&mut self, now: MonoUs) -> bool {
        if self.cells.len() >= CELLS_MAX && now.since(self.swept) >= SWEEP_US {
            self.swept = now;
            self.cells.retain(|_, (_, cell)| !cell.is_idle(now));
        }
        self.cells.len() < CELLS_MAX
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn who(name: u64) -> Digest {
        Digest::of(&name.to_be_bytes())
    }

    #[test]
    fn a_quota_that_is_changed_counts_at_once() {
        let cells = Cells::default();
        let check = |at, quota: Option<Quota>| {
            cells.check(who(1), MonoUs(at * SECOND), quota.unwrap()).is_ok()
        };
        let a_day = Quota::new(1, 86_400 * SECOND);
        assert!(check(5, a_day) && !check(6, a_day));
        // It has as much at once as it had, and from there what the new one gives.
        let few = Quota::new(10, 10 * SECOND);
        assert!(!check(8, few) && check(9, few) && !check(9, few));
    }

    #[test]
    fn each_caller_has_its_own_limit() {
        let (cells, quota) = (Cells::default(), Quota::new(2, 2 * SECOND).unwrap());
        let check = |name| cells.check(who(name), MonoUs(5 * SECOND), quota).is_ok();
        assert_eq!([check(1), check(1), check(1)], [true, true, false]);
        assert!(check(2));
    }

    #[test]
    fn a_table_that_is_full_forgets_only_whom_it_may() {
        let (cells, quota) = (Cells::default(), Quota::new(1, 10 * SECOND).unwrap());
        let check = |name, at| cells.check(who(name), MonoUs(at), quota);
        for name in 0..CELLS_MAX as u64 {
            check(name, 5 * SECOND).unwrap();
        }
        let newcomer = CELLS_MAX as u64;
        assert_eq!(check(newcomer, 6 * SECOND), Err(RetryAfter { us: SWEEP_US }));
        assert!(check(0, 6 * SECOND).is_err(), "it is not forgotten");
        assert!(check(newcomer, 15 * SECOND).is_ok(), "the others are");
        assert_eq!(cells.0.lock().unwrap().cells.len(), 1);
    }
}
