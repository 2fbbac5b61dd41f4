//! What happens when in the life of a lease.
//!
//! Decides how often a node beats, how long it bears a silent leader, and when it kills what runs. Must never let a run go
//! on into the last quarter of a lease: that quarter is for the kill, and for clocks that do not go at the same pace.
//!
//! All are shares of the lease, so that they follow one another whatever its length: a beat each third; after half a lease
//! without a grant the node dials another leader, for which it has a quarter; at three quarters it kills.

use proto_types::MonoUs;

/// The share of a lease that no run may use: one part in so many.
const MARGIN: u64 = 4;

/// A lease of a node, by the node's own clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lease {
    ends: MonoUs,
    length_us: u64,
}

impl Lease {
    /// The lease that a leader grants in answer to a beat. It counts from when the beat was *sent*: the leader counts from
    /// when it came, which is later.
    #[must_use]
    pub const fn granted(beat_sent: MonoUs, length_us: u64) -> Self {
        Self { ends: beat_sent.plus_us(length_us), length_us }
    }

    /// When a run under this lease is killed.
    #[must_use]
    pub const fn kill_at(self) -> MonoUs {
        MonoUs(self.ends.0.saturating_sub(self.length_us.div_ceil(MARGIN)))
    }

    /// Of two leases the one that lets a run go on for longer. Both hold: the leader keeps to each that it has granted.
    #[must_use]
    pub fn or_longer(self, other: Self) -> Self {
        if other.kill_at() > self.kill_at() { other } else { self }
    }
}

/// How often a node beats under leases of this length.
#[must_use]
pub const fn beat_every_us(length_us: u64) -> u64 {
    length_us / 3
}

/// How long a leader that grants leases of this length may be silent before the node looks for another one.
#[must_use]
pub const fn silence_us(length_us: u64) -> u64 {
    length_us / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the registry's `lease_ttl` may be.
    const LENGTHS_US: std::ops::RangeInclusive<u64> = 200_000..=600_000_000;

    proptest! {
        #[test]
        fn a_node_kills_a_quarter_lease_before_its_leader_may_give_its_tasks_away(
            length_us in LENGTHS_US,
            // The pause before each beat, how long it is on its way, and whether its grant arrives.
            beats in prop::collection::vec(
                (0_u64..300_000_000, 0_u64..60_000_000, any::<bool>()),
                1..40,
            ),
        ) {
            let (mut sent, mut held, mut given_away) = (MonoUs(0), Lease::default(), MonoUs(0));
            for (pause, on_its_way, arrives) in beats {
                sent = sent.plus_us(pause);
                given_away = given_away.max(sent.plus_us(on_its_way).plus_us(length_us));
                if arrives {
                    held = held.or_longer(Lease::granted(sent, length_us));
                }
                prop_assert!(held.kill_at().plus_us(length_us / 4) <= given_away);
            }
        }

        #[test]
        fn a_beat_may_be_lost_and_a_quarter_lease_is_left_to_dial_another_leader(
            length_us in LENGTHS_US,
            sent in 0_u64..1 << 50,
        ) {
            let killed = Lease::granted(MonoUs(sent), length_us).kill_at();
            prop_assert!(MonoUs(sent).plus_us(2 * beat_every_us(length_us)) < killed);
            let dials = MonoUs(sent).plus_us(silence_us(length_us));
            prop_assert!(dials.plus_us(length_us / 4) <= killed);
        }

        #[test]
        fn no_grant_shortens_what_another_has_granted(
            one in (0_u64..1 << 50, LENGTHS_US),
            other in (0_u64..1 << 50, LENGTHS_US),
        ) {
            let [one, other] = [one, other].map(|(sent, length)| Lease::granted(MonoUs(sent), length));
            let longer = one.or_longer(other);
            prop_assert_eq!(longer.kill_at(), one.kill_at().max(other.kill_at()));
        }
    }
}
