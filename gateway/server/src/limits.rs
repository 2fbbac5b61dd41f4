//! The limits that a verified peer meets: its quarantine, its share of its quota, and what all newcomers have together. Their
//! figures, and those of the limit on calls that are admitted at once.
//!
//! Decides their order. Must never count a request against a limit of others that the peer's own has refused.

use deploy_service::metrics::Figure;
use gateway_core::Peer;
use gateway_core::gcra::{Quota, Remaining, RetryAfter};
use gateway_core::limits::Policy;
use gateway_core::quarantine;

use crate::clock;
use crate::concurrency::Concurrency;
use crate::fleet_quota::FleetQuota;
use crate::gateway::Gateway;
use crate::newcomers::Newcomers;

/// What of the limits is counted, and no setting.
#[derive(Debug, Default)]
pub(crate) struct AdmissionLimits {
    pub(crate) fleet_quota: FleetQuota,
    pub(crate) newcomers: Newcomers,
    pub(crate) concurrency: Concurrency,
}

impl AdmissionLimits {
    /// What operators see of them.
    pub(crate) fn figures(&self) -> [Figure; 4] {
        let gauge = |name, help, value: u32| Figure::gauge(name, help, f64::from(value));
        let load = &self.concurrency;
        let gateways = "Gateways that share the quotas of peers, as far as is known here.";
        let shed = "Calls that were refused because too many were being admitted.";
        [
            gauge("fleet_gateways", gateways, self.fleet_quota.gateways()),
            gauge("admitting_calls", "Calls whose tokens are being spent.", load.in_flight()),
            gauge("admitting_calls_limit", "How many of them there may be.", load.limit()),
            Figure::counter("shed_calls_total", shed, load.shed()),
        ]
    }
}

impl Gateway {
    /// The quota of a peer at all gateways together, by what it has earned.
    pub(crate) fn fleet_wide_quota(&self, peer: &Peer) -> Quota {
        self.live.load().bounds.peer_quota().scaled(peer.share)
    }

    /// The limit of a peer at this gateway.
    pub(crate) fn peer_policy(&self, peer: &Peer) -> Policy {
        let quota = self.fleet_wide_quota(peer).scaled(self.limits.fleet_quota.share(&peer.origin));
        Policy { name: "peer", quota }
    }

    /// Counts one request of a peer: the limit that has refused it, or else its own, and what is left of that.
    pub(crate) fn count_request(&self, peer: &Peer) -> (Policy, Result<Remaining, RetryAfter>) {
        let (policy, now) = (self.peer_policy(peer), clock::mono());
        let live = self.live.load();
        if live.bounds.quarantine_after > 0 {
            let quota = self.fleet_wide_quota(peer);
            let bearable = quarantine::bearable(quota, live.bounds.quarantine_after);
            if let Err(until) = peer.tally.check_quarantine(now, bearable) {
                return (policy, Err(until));
            }
        }
        let left = peer.cell.check(now, policy.quota);
        self.limits.fleet_quota.note(&peer.origin, policy.quota, &left);
        let Ok(own) = left else { return (policy, left) };
        let all = live.bounds.newcomers_quota();
        match (self.limits.newcomers.check(peer, now, all), all) {
            (Err(retry), Some(quota)) => (Policy { name: "newcomers", quota }, Err(retry)),
            _ => (policy, Ok(own)),
        }
    }
}
