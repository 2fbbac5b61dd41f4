//! The bound tokens that one boot has spent, exactly.
//!
//! Decides whether a token is spent now for the first time. Must never forget a key while its token could be used, whatever the
//! clock does, nor make room by forgetting one: what does not fit is refused.
//!
//! Keys are kept in generations by when their tokens are dead, and a generation is dropped whole. The clock may be set back: what
//! could have been in a generation that was dropped stays refused.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{Digest, WallMs};

/// The span of one generation. Keys are kept for at most so much longer than they must be. A bound token is dead within 130 s, so
/// that there are six at most to look into.
const GENERATION_MS: u64 = 30_000;

/// Why a token is not spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was spent before.
    #[error("the token was spent before")]
    Replayed,
    /// Whether it was spent is not remembered any more.
    #[error("the token is past its time")]
    Dead,
    /// As many are remembered as may be.
    #[error("no more tokens can be remembered")]
    Full,
}

/// The keys of one generation.
type Generation = BTreeSet<Digest>;

/// What was forgotten; to be dropped where nobody waits for it.
#[derive(Debug, Default)]
#[must_use = "dropping it takes time: not under a lock"]
pub struct Forgotten(BTreeMap<u64, Generation>);

impl Forgotten {
    /// How many keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The keys that are remembered.
#[derive(Debug, Default)]
pub struct ReplaySet {
    /// By when all their tokens are dead, in milliseconds.
    generations: BTreeMap<u64, Generation>,
    len: usize,
    /// Generations up to here are forgotten.
    horizon: u64,
}

impl ReplaySet {
    /// How many are remembered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets the generations whose tokens are all dead.
    pub fn forget(&mut self, now: WallMs) -> Forgotten {
        self.horizon = self.horizon.max(now.0 - now.0 % GENERATION_MS);
        let kept = self.generations.split_off(&self.horizon.saturating_add(1));
        let forgotten = Forgotten(std::mem::replace(&mut self.generations, kept));
        self.len -= forgotten.len();
        forgotten
    }

    /// Spends a token that is dead at `until`, if at most `most` are remembered then.
    ///
    /// # Errors
    /// It is not spent by this.
    pub fn spend(&mut self, key: Digest, until: WallMs, most: usize) -> Result<(), Refused> {
        if until.0 <= self.horizon {
            return Err(Refused::Dead);
        }
        // Its issuer may have given another life to a second token of this name.
        if self.generations.values().any(|generation| generation.contains(&key)) {
            return Err(Refused::Replayed);
        }
        if self.len >= most {
            return Err(Refused::Full);
        }
        let end = until.0.div_ceil(GENERATION_MS).saturating_mul(GENERATION_MS);
        self.generations.entry(end).or_default().insert(key);
        self.len += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: WallMs = WallMs::from_secs(1_800_000_000);

    fn key(name: u64) -> Digest {
        Digest::of(&name.to_be_bytes())
    }

    fn forget(set: &mut ReplaySet, now: WallMs) -> usize {
        set.forget(now).len()
    }

    #[test]
    fn a_token_is_spent_once_whatever_life_its_issuer_gives_it_the_second_time() {
        let mut set = ReplaySet::default();
        let spend = |set: &mut ReplaySet, until| set.spend(key(1), NOW.plus_ms(until), 9);
        assert_eq!(spend(&mut set, 100_000), Ok(()));
        for until in [100_000, 1_000, 130_000] {
            assert_eq!(spend(&mut set, until), Err(Refused::Replayed), "{until}");
        }
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn generations_are_forgotten_whole_and_not_before_their_last_token_is_dead() {
        let mut set = ReplaySet::default();
        for (name, until) in [(1, 1), (2, 30_000), (3, 30_001)] {
            assert_eq!(set.spend(key(name), NOW.plus_ms(until), 9), Ok(()));
        }
        assert_eq!(forget(&mut set, NOW.plus_ms(29_999)), 0);
        assert_eq!(forget(&mut set, NOW.plus_ms(30_000)), 2);
        assert_eq!(
            (set.len(), set.spend(key(3), NOW.plus_ms(30_001), 9)),
            (1, Err(Refused::Replayed))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_is_forgotten_for_it() {
        let mut set = ReplaySet::default();
        let until = NOW.plus_ms(100_000);
        assert_eq!(set.spend(key(1), until, 2), Ok(()));
        assert_eq!(set.spend(key(2), until, 2), Ok(()));
        assert_eq!(set.spend(key(3), until, 2), Err(Refused::Full));
        assert_eq!(set.spend(key(1), until, 2), Err(Refused::Replayed), "it is still known");
        assert_eq!(forget(&mut set, until.plus_ms(30_000)), 2);
        assert_eq!(set.spend(key(3), until.plus_ms(60_000), 2), Ok(()));
    }

    /// Attack case 8: a clock that is set back makes no token good again.
    #[test]
    fn what_is_forgotten_stays_refused_when_the_clock_goes_back() {
        let mut set = ReplaySet::default();
        let until = NOW.plus_ms(10_000);
        assert_eq!(set.spend(key(1), until, 9), Ok(()));
        assert_eq!(forget(&mut set, NOW.plus_ms(3_600_000)), 1);
        assert_eq!(forget(&mut set, NOW), 0);
        for name in [1, 2] {
            assert_eq!(set.spend(key(name), until, 9), Err(Refused::Dead));
        }
    }

    proptest! {
        /// Against a set that never forgets, under a clock that goes as it likes.
        #[test]
        fn no_token_is_ever_spent_twice(
            steps in prop::collection::vec((0u64..400_000, 0u64..12, 1u64..130_000), 1..200)
        ) {
            let (mut set, mut spent) = (ReplaySet::default(), BTreeSet::new());
            for (at, name, life) in steps {
                let now = NOW.plus_ms(at);
                // One token has one end; few ends, so that many come again.
                let until = now.0 + life;
                let until = WallMs(until - until % 40_000);
                let token = Digest::of_parts(&[&name.to_be_bytes(), &until.0.to_be_bytes()]);
                forget(&mut set, now);
                if set.spend(token, until, 1_000).is_ok() {
                    prop_assert!(spent.insert(token));
                }
                let kept: usize = set.generations.values().map(BTreeSet::len).sum();
                prop_assert_eq!(set.len(), kept);
            }
        }
    }
}
