//! Whose share of a peer's quota is whose: the quota is the fleet's, and each gateway gives a share of it.
//!
//! What gateways report is kept by the leader alone, in its memory: nobody loses more by losing it than an even share. Decides
//! the shares from the demands that it was told last, as in Doorman. Must never let shares come to more than the whole; nor lease
//! any before every gateway can have been heard, since one that was not heard has an even share of the gateways that it knew.

use std::collections::BTreeMap;

use proto_types::{GatewayId, MonoUs, Origin};

/// How long a share counts, unless it is leased again.
pub const LEASE_US: u64 = 3_000_000;

/// A gateway that is silent for longer is not counted any more. It is three leases, so that one that was held up does not make
/// the fleet smaller and larger by turns; and so long a leader hears before it leases anything.
pub const LIVE_US: u64 = 3 * LEASE_US;

/// Peers of one report, and of which shares are leased at a time. Any further one has an even share everywhere.
pub const PEERS_MAX: usize = 1_000;

/// Demands that are kept, of all gateways: a report is answered within a millisecond or two.
const DEMANDS_MAX: usize = 32_768;

/// All of a quota, in millionths.
pub const WHOLE: u32 = 1_000_000;

/// A gateway that wants nothing counts as if it wanted a quarter of the mean: it has something to begin with, a fifth of an even
/// share at least.
const FLOOR_PART: u64 = 4;

/// What one leader was told, since it began to lead.
#[derive(Debug)]
pub struct FleetQuota {
    began: MonoUs,
    heard: BTreeMap<GatewayId, MonoUs>,
    /// By peer, then by who has the demand.
    demands: BTreeMap<Origin, BTreeMap<GatewayId, u32>>,
}

/// What one gateway is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// Gateways that were heard of late.
    pub gateways: u32,
    /// Whether all of them can have been heard by now.
    pub is_settled: bool,
    /// Its share of each peer that is near its quota somewhere, in millionths.
    pub shares: Vec<(Origin, u32)>,
}

impl FleetQuota {
    /// Of a leader that begins.
    #[must_use]
    pub const fn begin(now: MonoUs) -> Self {
        Self { began: now, heard: BTreeMap::new(), demands: BTreeMap::new() }
    }

    /// Takes all that a gateway has to report, in place of what it reported before; its shares.
    pub fn report(
        &mut self,
        gateway: &GatewayId,
        now: MonoUs,
        demands: &[(Origin, u32)],
    ) -> Allotment {
        self.forget(now);
        self.heard.insert(gateway.clone(), now);
        self.take(gateway, demands);
        let is_settled = now.since(self.began) >= LIVE_US;
        let gateways = u32::try_from(self.heard.len()).unwrap_or(u32::MAX);
        let of = |(peer, wanted): (&Origin, &BTreeMap<GatewayId, u32>)| {
            let own = wanted.get(gateway).copied().unwrap_or(0);
            (peer.clone(), share(own, wanted.values().copied(), gateways))
        };
        let shares = self.demands.iter().filter(|_| is_settled).map(of).collect();
        Allotment { gateways, is_settled, shares }
    }

    /// Forgets gateways that are silent for too long.
    fn forget(&mut self, now: MonoUs) {
        self.heard.retain(|_, at| now.since(*at) < LIVE_US);
        let heard = &self.heard;
        self.demands.retain(|_, wanted| {
            wanted.retain(|gateway, _| heard.contains_key(gateway));
            !wanted.is_empty()
        });
    }

    fn take(&mut self, gateway: &GatewayId, demands: &[(Origin, u32)]) {
        self.demands.retain(|_, wanted| {
            wanted.remove(gateway);
            !wanted.is_empty()
        });
        let mut kept: usize = self.demands.values().map(BTreeMap::len).sum();
        for (peer, demand) in demands {
            let is_room = self.demands.contains_key(peer) || self.demands.len() < PEERS_MAX;
            if kept < DEMANDS_MAX && is_room {
                let wanted = self.demands.entry(peer.clone()).or_default();
                kept += usize::from(wanted.insert(gateway.clone(), *demand).is_none());
            }
        }
    }
}

/// The share of a gateway that wants `own`, among `gateways` of which some want `demands`, its own among them: its demand among
/// all, where each counts as a quarter of the mean at least. In millionths; those of all gateways come to the whole at most.
#[must_use]
pub fn share(own: u32, demands: impl Iterator<Item = u32> + Clone, gateways: u32) -> u32 {
    let gateways = u64::from(gateways.max(1));
    let sum: u64 = demands.clone().map(u64::from).sum();
    let floor = sum.div_ceil(FLOOR_PART * gateways).max(1);
    let (mut all, mut told) = (0_u64, 0_u64);
    for demand in demands {
        all += u64::from(demand).max(floor);
        told += 1;
    }
    all += floor * gateways.saturating_sub(told);
    let share = u128::from(u64::from(own).max(floor)) * u128::from(WHOLE) / u128::from(all);
    u32::try_from(share).unwrap_or(WHOLE).min(WHOLE)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    fn gateway(number: usize) -> GatewayId {
        GatewayId::parse(&format!("g{number}")).unwrap()
    }

    fn peer(number: usize) -> Origin {
        Origin::parse(&format!("https://p{number:04}.example")).unwrap()
    }

    /// A leader that has heard long enough.
    fn settled() -> (FleetQuota, MonoUs) {
        (FleetQuota::begin(MonoUs(0)), MonoUs(LIVE_US))
    }

    #[test]
    fn a_gateway_alone_has_all_of_it() {
        let (mut quota, now) = settled();
        let allotted = quota.report(&gateway(1), now, &[(peer(1), 7)]);
        let shares = vec![(peer(1), WHOLE)];
        assert_eq!(allotted, Allotment { gateways: 1, is_settled: true, shares });
    }

    #[test]
    fn shares_follow_the_demand_and_who_wants_nothing_can_begin() {
        let (mut quota, now) = settled();
        let mut report = |number, demand: u32| {
            let demands = if demand > 0 { vec![(peer(1), demand)] } else { Vec::new() };
            quota.report(&gateway(number), now, &demands).shares
        };
        report(2, 0);
        assert_eq!(report(1, 8_000), [(peer(1), 888_888)]);
        assert_eq!(report(2, 0), [(peer(1), 111_111)], "it is told of a peer that it did not name");
        assert_eq!(report(2, 8_000), [(peer(1), 500_000)]);
        assert_eq!(report(1, 8_000), [(peer(1), 500_000)]);
        assert_eq!(report(1, 0), [(peer(1), 111_111)], "a report replaces the one before");
        assert!(report(2, 0).is_empty(), "nobody wants it any more");
    }

    #[test]
    fn a_leader_leases_nothing_before_it_can_have_heard_everybody() {
        let mut quota = FleetQuota::begin(MonoUs(5));
        let first = quota.report(&gateway(1), MonoUs(6), &[(peer(1), 9)]);
        assert_eq!(first, Allotment { gateways: 1, is_settled: false, shares: Vec::new() });
        let second = quota.report(&gateway(2), MonoUs(7), &[]);
        assert_eq!((second.gateways, second.is_settled), (2, false));
        let later = quota.report(&gateway(1), MonoUs(5 + LIVE_US), &[(peer(1), 9)]);
        assert_eq!((later.gateways, later.shares.len()), (2, 1));
    }

    #[test]
    fn a_gateway_that_is_silent_is_counted_for_a_while_and_then_no_more() {
        let (mut quota, now) = settled();
        quota.report(&gateway(1), now, &[(peer(1), 100)]);
        let late = now.plus_us(LIVE_US - 1);
        assert_eq!(quota.report(&gateway(2), late, &[]).gateways, 2);
        let gone = quota.report(&gateway(2), late.plus_us(SECOND), &[]);
        assert_eq!((gone.gateways, gone.shares), (1, Vec::new()));
    }

    #[test]
    fn a_flood_of_peers_keeps_its_bound_and_those_that_are_there() {
        let (mut quota, now) = settled();
        quota.report(&gateway(1), now, &[(peer(9_999), 1)]);
        let many: Vec<_> = (0..2 * PEERS_MAX).map(|number| (peer(number), 1)).collect();
        let allotted = quota.report(&gateway(2), now, &many);
        assert_eq!(allotted.shares.len(), PEERS_MAX);
        assert!(allotted.shares.iter().any(|(name, _)| *name == peer(9_999)));
    }

    proptest! {
        #[test]
        fn shares_come_to_the_whole_at_most_and_nobody_starves(
            demands in prop::collection::vec(0u32.., 1..40),
            silent in 0u32..20,
        ) {
            let gateways = u32::try_from(demands.len()).unwrap() + silent;
            let of = |own| share(own, demands.iter().copied(), gateways);
            let told = demands.iter().map(|own| u64::from(of(*own))).sum::<u64>();
            let all = told + u64::from(of(0)) * u64::from(silent);
            prop_assert!(all <= u64::from(WHOLE), "{all}");
            // No more is lost than by rounding down.
            prop_assert!(all + u64::from(gateways) >= u64::from(WHOLE), "{all}");
            for own in demands.iter().copied().chain([0]) {
                prop_assert!(of(own) + 1 >= WHOLE / (5 * gateways), "{own} has {}", of(own));
            }
        }

        #[test]
        fn who_wants_more_has_no_less(
            demands in prop::collection::vec(0u32..1_000_000, 2..20),
        ) {
            let gateways = u32::try_from(demands.len()).unwrap();
            let of = |own| share(own, demands.iter().copied(), gateways);
            let mut sorted = demands.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.windows(2).all(|two| of(two[0]) <= of(two[1])));
        }

        #[test]
        fn whatever_is_reported_the_shares_of_all_gateways_come_to_the_whole_at_most(
            reports in prop::collection::vec((0usize..4, 0usize..3, 0u32..100_000), 1..60),
        ) {
            let (mut quota, now) = settled();
            for (number, name, demand) in reports {
                quota.report(&gateway(number), now, &[(peer(name), demand)]);
            }
            let heard: Vec<_> = quota.heard.keys().cloned().collect();
            let mut sums = BTreeMap::<Origin, u64>::new();
            for gateway in heard {
                let own: Vec<_> = quota.demands.iter()
                    .filter_map(|(peer, wanted)| Some((peer.clone(), *wanted.get(&gateway)?)))
                    .collect();
                for (peer, share) in quota.report(&gateway, now, &own).shares {
                    *sums.entry(peer).or_default() += u64::from(share);
                }
            }
            prop_assert!(sums.values().all(|sum| *sum <= u64::from(WHOLE)), "{sums:?}");
        }
    }
}
