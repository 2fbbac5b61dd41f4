//! How much of each peer's quota this gateway may give: the quota is the fleet's, and the registry's leader says which share
//! of it is whose (`registry/core/src/fleet_quota.rs`).
//!
//! Decides which share is in force, and of which peers the leader is told. Must never take more than an even share, among as many
//! gateways as were known last, once the leader is not heard any more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proto_types::{MonoUs, Origin};

use crate::gcra::{Quota, Remaining, RetryAfter, Share};

/// Peers of one report, as the registry takes them. Those beyond have an even share everywhere.
pub const PEERS_MAX: usize = 1_000;

/// What the leader has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Gateways that it has heard of late, this one among them.
    pub gateways: u32,
    /// Whether it has led for long enough to have heard all of them.
    pub is_settled: bool,
    /// How long the answer counts.
    pub lease_us: u64,
    /// This gateway's shares of the peers that are near their quota somewhere.
    pub shares: Vec<(Origin, Share)>,
}

/// The shares in force; replaced whole.
#[derive(Debug)]
pub struct FleetShares {
    gateways: u32,
    until: MonoUs,
    leased: BTreeMap<Origin, Leased>,
}

#[derive(Debug)]
struct Leased {
    share: Share,
    /// Requests since they were last taken; it goes on with the next lease.
    seen: Arc<AtomicU32>,
}

impl Default for FleetShares {
    /// Of a gateway that has heard of no other.
    fn default() -> Self {
        Self { gateways: 1, until: MonoUs(u64::MAX), leased: BTreeMap::new() }
    }
}

impl FleetShares {
    /// Gateways that were known last.
    #[must_use]
    pub const fn gateways(&self) -> u32 {
        self.gateways
    }

    /// What this gateway may give of a peer's quota.
    #[must_use]
    pub fn of(&self, peer: &Origin) -> Share {
        self.leased.get(peer).map_or(self.even(), |leased| leased.share)
    }

    /// The share of a peer of which nothing was leased.
    #[must_use]
    pub const fn even(&self) -> Share {
        Share::of_one_in(self.gateways)
    }

    /// Counts a request of a peer that has a lease; false if it has none.
    #[must_use]
    pub fn count(&self, peer: &Origin) -> bool {
        let Some(leased) = self.leased.get(peer) else { return false };
        leased.seen.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Adds to `seen` the requests of each peer that has a lease since this was last called, also where there were none.
    pub fn take_seen(&self, seen: &mut BTreeMap<Origin, u32>) {
        for (peer, leased) in &self.leased {
            let count = seen.entry(peer.clone()).or_default();
            *count = count.saturating_add(leased.seen.swap(0, Ordering::Relaxed));
        }
    }

    /// What is in force after an answer to what was asked at `asked`. A leader that has just begun may not have heard all
    /// gateways yet: then those that were known count, and the shares are even.
    #[must_use]
    pub fn answered(&self, asked: MonoUs, answer: Answer) -> Self {
        let heard = answer.gateways.max(1);
        let gateways = if answer.is_settled { heard } else { heard.max(self.gateways) };
        let leased = |(peer, share): (Origin, Share)| {
            let seen = self.leased.get(&peer).map(|leased| Arc::clone(&leased.seen));
            (peer, Leased { share, seen: seen.unwrap_or_default() })
        };
        let shares = answer.shares.into_iter().filter(|_| answer.is_settled);
        let leased = shares.map(leased).collect();
        Self { gateways, until: asked.plus_us(answer.lease_us), leased }
    }

    /// What is in force instead, if the leases are over.
    #[must_use]
    pub fn expired(&self, now: MonoUs) -> Option<Self> {
        let is_over = now >= self.until && !self.leased.is_empty();
        is_over.then(|| Self { gateways: self.gateways, ..Self::default() })
    }

    /// The peers with a lease here or there, each with its share before and after.
    pub fn changes<'s>(
        &'s self,
        after: &'s Self,
    ) -> impl Iterator<Item = (&'s Origin, Share, Share)> {
        let peers: BTreeSet<&Origin> = self.leased.keys().chain(after.leased.keys()).collect();
        let changed = peers.into_iter().map(move |peer| (peer, self.of(peer), after.of(peer)));
        changed.filter(|(_, before, after)| before != after)
    }
}

/// Whether a peer has used up more than half of its share, so that the leader has to know.
#[must_use]
pub fn is_near(quota: Quota, left: &Result<Remaining, RetryAfter>) -> bool {
    match left {
        Ok(left) => left.requests.saturating_mul(2) < quota.burst(),
        Err(_) => true,
    }
}

/// How much of what each peer wants here, smoothed over some reports: a share must not follow each second's noise.
#[derive(Debug, Default)]
pub struct Demands(BTreeMap<Origin, u32>);

impl Demands {
    /// The demand of each peer in thousandths of a request a second, by the requests that were seen in so many microseconds;
    /// the greatest first. Who wants less than a quarter of an even share is left out, and so has one.
    pub fn report(
        &mut self,
        seen: &BTreeMap<Origin, u32>,
        elapsed_us: u64,
        even: Quota,
    ) -> Vec<(Origin, u32)> {
        let least = (even.milli_per_second() / 4).max(1);
        let rate = |count: u32| u64::from(count).saturating_mul(1_000_000_000) / elapsed_us.max(1);
        let mut smoothed = BTreeMap::new();
        for peer in self.0.keys().chain(seen.keys()) {
            let now = rate(seen.get(peer).copied().unwrap_or(0));
            let before = self.0.get(peer).copied().map_or(now, u64::from);
            let demand = before.saturating_mul(3).saturating_add(now) / 4;
            if demand >= least {
                smoothed.insert(peer.clone(), u32::try_from(demand).unwrap_or(u32::MAX));
            }
        }
        let mut report: Vec<_> = smoothed.into_iter().collect();
        report.sort_by_key(|(_, demand)| Reverse(*demand));
        report.truncate(PEERS_MAX);
        self.0 = report.iter().cloned().collect();
        report
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn peer(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    fn answer(gateways: u32, is_settled: bool, shares: &[(&str, u32)]) -> Answer {
        let share = |(name, share): &(&str, u32)| (peer(name), Share::millionths(*share));
        let shares = shares.iter().map(share).collect();
        Answer { gateways, is_settled, lease_us: 3 * SECOND, shares }
    }

    #[test]
    fn a_gateway_alone_has_the_whole_quota_of_everybody() {
        let alone = FleetShares::default();
        assert_eq!(alone.of(&peer("a")), Share::WHOLE);
        assert!(alone.expired(MonoUs(u64::MAX)).is_none());
        let heard = alone.answered(MonoUs(0), answer(1, true, &[]));
        assert_eq!(heard.of(&peer("a")), Share::WHOLE);
    }

    #[test]
    fn a_lease_that_is_over_leaves_an_even_share_of_the_gateways_that_were_known_last() {
        let leased = FleetShares::default().answered(MonoUs(7), answer(2, true, &[("a", 900_000)]));
        assert_eq!(leased.of(&peer("a")), Share::millionths(900_000));
        assert_eq!(leased.of(&peer("b")), Share::millionths(500_000));
        let end = MonoUs(7 + 3 * SECOND);
        assert!(leased.expired(MonoUs(end.0 - 1)).is_none());
        let even = leased.expired(end).unwrap();
        assert_eq!((even.gateways(), even.of(&peer("a"))), (2, Share::millionths(500_000)));
        let changes: Vec<_> = leased.changes(&even).collect();
        let (most, half) = (Share::millionths(900_000), Share::millionths(500_000));
        assert_eq!(changes, [(&peer("a"), most, half)]);
    }

    #[test]
    fn a_leader_that_has_just_begun_makes_no_fleet_smaller_and_leases_nothing() {
        let known = FleetShares::default().answered(MonoUs(0), answer(3, true, &[("a", 900_000)]));
        let begun = known.answered(MonoUs(0), answer(1, false, &[("a", 900_000)]));
        assert_eq!((begun.gateways(), begun.of(&peer("a"))), (3, Share::of_one_in(3)));
        let more = known.answered(MonoUs(0), answer(4, false, &[]));
        assert_eq!(more.gateways(), 4, "those that it has heard are there");
        assert_eq!(begun.answered(MonoUs(0), answer(1, true, &[])).gateways(), 1);
    }

    #[test]
    fn requests_of_peers_with_a_lease_are_counted_from_one_lease_to_the_next() {
        let one = FleetShares::default().answered(MonoUs(0), answer(2, true, &[("a", 1)]));
        assert!(one.count(&peer("a")) && !one.count(&peer("b")));
        let two = one.answered(MonoUs(0), answer(2, true, &[("a", 2)]));
        assert!(two.count(&peer("a")));
        let mut seen = BTreeMap::from([(peer("b"), 5)]);
        two.take_seen(&mut seen);
        assert_eq!(seen, BTreeMap::from([(peer("a"), 2), (peer("b"), 5)]));
        two.take_seen(&mut seen);
        assert_eq!(seen[&peer("a")], 2, "each is taken once");
    }

    #[test]
    fn who_wants_less_than_a_quarter_of_an_even_share_is_not_reported_any_more() {
        let even = Quota::new(40, 10 * SECOND).unwrap();
        let mut demands = Demands::default();
        let mut report = |count| {
            let seen = BTreeMap::from([(peer("a"), count), (peer("b"), 1)]);
            demands.report(&seen, SECOND, even)
        };
        assert_eq!(report(40), [(peer("a"), 40_000), (peer("b"), 1_000)]);
        assert_eq!(report(0), [(peer("a"), 30_000), (peer("b"), 1_000)]);
        for _ in 0..12 {
            report(0);
        }
        assert_eq!(report(0), [(peer("b"), 1_000)], "it has faded below 1 a second");
    }

    #[test]
    fn a_peer_is_near_its_share_when_half_of_it_is_used_up() {
        let quota = Quota::new(10, SECOND).unwrap();
        let left = |requests| Ok(Remaining { requests, full_in_us: 0 });
        assert!(!is_near(quota, &left(5)));
        assert!(is_near(quota, &left(4)));
        assert!(is_near(quota, &Err(RetryAfter { us: 1 })));
    }
}
