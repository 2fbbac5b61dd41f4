//! Who gets a place in a bounded pool.
//!
//! Decides by counts alone: how much a pool holds, how much of it one holder may take, and what is kept for the
//! system's own roles and the operator. Must never let one holder take what would leave nothing for the next.

use crate::Code;

/// Whose work asks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A member, gateway, node or operator that has proved to be one: it may use the kept part, and has no share.
    System,
    /// Everybody else.
    Ordinary,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The holder has its share: its own work has to end first.
    #[error("the share is used up")]
    Share,
    /// There is no room for anybody of this class.
    #[error("the pool is full")]
    Pool,
}

impl From<Full> for Code {
    /// As a caller may know it of the pools of a process.
    fn from(full: Full) -> Self {
        match full {
            Full::Share => Self::ShareReached,
            Full::Pool => Self::Overloaded,
        }
    }
}

/// The rule of one pool. Amounts are places, or bytes.
///
/// A holder's share is what is free at the moment (Choudhury and Hahne, "Dynamic Queue Length Thresholds for
/// Shared-Memory Packet Switches", 1998, with a factor of 1): one greedy holder gets half of the pool, n that grow together
/// one part of n + 1 each, and as much stays free for whoever comes next; one that comes late gets half of what is left. A
/// fixed share would either leave most of a pool idle or be used up by a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    total: u64,
    kept: u64,
    each_max: u64,
    floor: u64,
}

impl Shares {
    /// A pool of `total`, a quarter of which is kept for the system's own roles.
    #[must_use]
    pub const fn new(total: u64) -> Self {
        Self { total, kept: total / 4, each_max: u64::MAX, floor: 0 }
    }

    /// The same with nothing kept: where nobody can have proved anything yet, or the system itself is the holder.
    #[must_use]
    pub const fn without_reserve(self) -> Self {
        Self { kept: 0, ..self }
    }

    /// The same with a bound on each holder besides its share.
    #[must_use]
    pub const fn each_at_most(self, each_max: u64) -> Self {
        Self { each_max, ..self }
    }

    /// The same where holding so little is nobody's greed: it is refused only if there is no room at all.
    #[must_use]
    pub const fn with_floor(self, floor: u64) -> Self {
        Self { floor, ..self }
    }

    /// Whether `amount` more fits, where `taken` is taken by all and `held` of it by who asks.
    ///
    /// # Errors
    /// [`Full`], with whose fault it is.
    pub const fn admit(
        &self,
        class: Class,
        taken: u64,
        held: u64,
        amount: u64,
    ) -> Result<(), Full> {
        let open = match class {
            Class::System => self.total,
            Class::Ordinary => self.total.saturating_sub(self.kept),
        };
        let free = open.saturating_sub(taken);
        if amount > free {
            return Err(Full::Pool);
        }
        let share = if free > self.floor { free } else { self.floor };
        let share = if share < self.each_max { share } else { self.each_max };
        match class {
            Class::Ordinary if held.saturating_add(amount) > share => Err(Full::Share),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What each holder has after everybody took one at a time for as long as it could.
    fn greedy(shares: Shares, holders: u64) -> BTreeMap<u64, u64> {
        let mut held: BTreeMap<u64, u64> = (0..holders).map(|holder| (holder, 0)).collect();
        loop {
            let before = held.clone();
            for holder in 0..holders {
                let taken = held.values().sum();
                if shares.admit(Class::Ordinary, taken, held[&holder], 1).is_ok() {
                    held.entry(holder).and_modify(|count| *count += 1);
                }
            }
            if held == before {
                return held;
            }
        }
    }

    #[test]
    fn one_greedy_holder_gets_half_of_what_is_open_and_two_a_third_each() {
        let shares = Shares::new(1_024);
        assert_eq!(greedy(shares, 1)[&0], 384);
        assert_eq!(greedy(shares, 2), BTreeMap::from([(0, 256), (1, 256)]));
        assert_eq!(greedy(Shares::new(1).without_reserve(), 1)[&0], 1, "the smallest pool serves");
    }

    #[test]
    fn a_floor_and_a_bound_on_each_hold_at_once() {
        let shares = Shares::new(16).without_reserve().with_floor(8).each_at_most(12);
        assert_eq!(shares.admit(Class::Ordinary, 8, 7, 1), Ok(()));
        assert_eq!(shares.admit(Class::Ordinary, 12, 7, 1), Ok(()), "below the floor");
        assert_eq!(shares.admit(Class::Ordinary, 12, 8, 1), Err(Full::Share));
        assert_eq!(shares.admit(Class::Ordinary, 16, 0, 1), Err(Full::Pool));
        assert_eq!(shares.each_at_most(2).admit(Class::Ordinary, 2, 2, 1), Err(Full::Share));
    }

    proptest! {
        #[test]
        fn whoever_comes_next_finds_a_place_while_there_are_fewer_holders_than_places(
            total in 1_u64..2_000, holders in 0_u64..40,
        ) {
            let shares = Shares::new(total);
            let open = total - total / 4;
            prop_assume!(holders < open);
            let taken = greedy(shares, holders).values().sum();
            prop_assert_eq!(shares.admit(Class::Ordinary, taken, 0, 1), Ok(()));
        }

        #[test]
        fn the_kept_part_is_the_systems_whatever_others_take(
            total in 4_u64..2_000, holders in 0_u64..40,
        ) {
            let shares = Shares::new(total);
            let taken: u64 = greedy(shares, holders).values().sum();
            prop_assert!(taken <= total - total / 4);
            prop_assert_eq!(shares.admit(Class::System, taken, 0, total / 4), Ok(()));
        }

        #[test]
        fn no_pool_is_overfilled(
            total in 0_u64..100, taken in 0_u64..200, held in 0_u64..200, amount in 0_u64..200,
        ) {
            for class in [Class::System, Class::Ordinary] {
                if Shares::new(total).admit(class, taken, held, amount).is_ok() && amount > 0 {
                    prop_assert!(taken + amount <= total);
                }
            }
        }
    }
}
