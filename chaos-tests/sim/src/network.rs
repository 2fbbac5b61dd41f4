//! Who hears whom, and how late.
//!
//! It decides loss, delay, reordering and repetition. It must never change what a message says.

use std::collections::BTreeSet;

use crate::time::Us;

/// Who sends and receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Member(usize),
    Client(usize),
}

/// From the quickest to the slowest message of a calm network: reordering comes from the spread.
const DELAY_US: std::ops::Range<Us> = 200..3_000;

/// A message in a hundred is this late.
const LATE_US: std::ops::Range<Us> = 3_000..80_000;

/// The links between all places.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// One direction each.
    cut: BTreeSet<(Place, Place)>,
    /// Messages lost, in a thousand.
    pub(crate) loss: u16,
    /// Messages that come twice, in a thousand.
    pub(crate) repetition: u16,
}

impl Network {
    /// After how long each copy of a message arrives; none if it is lost.
    pub(crate) fn delays(
        &self,
        from: Place,
        to: Place,
        random: &mut fastrand::Rng,
    ) -> impl Iterator<Item = Us> + use<> {
        let lost = self.cut.contains(&(from, to)) || random.u16(0..1_000) < self.loss;
        let copies = match lost {
            true => 0,
            false => 1 + usize::from(random.u16(0..1_000) < self.repetition),
        };
        let mut delays = [0; 2];
        for delay in &mut delays {
            let late = random.u8(0..100) == 0;
            *delay = random.u64(if late { LATE_US } else { DELAY_US });
        }
        delays.into_iter().take(copies)
    }

    /// Cuts one direction.
    pub(crate) fn cut(&mut self, from: Place, to: Place) {
        self.cut.insert((from, to));
    }

    /// Cuts both directions between a member and all others but those it is left with.
    pub(crate) fn split(&mut self, side: &BTreeSet<usize>, members: usize) {
        for inside in side {
            for outside in (0..members).filter(|member| !side.contains(member)) {
                self.cut(Place::Member(*inside), Place::Member(outside));
                self.cut(Place::Member(outside), Place::Member(*inside));
            }
        }
    }

    /// Everything is well again.
    pub(crate) fn heal(&mut self) {
        *self = Self::default();
    }
}
