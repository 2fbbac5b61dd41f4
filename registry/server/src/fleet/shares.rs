//! What gateways report, their demands and how far they have come, as this leader was told of it in its term. It is of one term:
//! a leader that comes back knows nothing of what was said meanwhile, and hears everybody first.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use proto_types::{GatewayId, MonoUs, Origin};
use proto_wire::registry::v1 as wire;
use registry_core::fleet_quota::{Allotment, FleetQuota};
use registry_raft::Term;
use tokio::time::Instant;

use super::Fleet;

/// What was reported in one term.
#[derive(Debug)]
pub(super) struct Reported {
    term: Term,
    began: Instant,
    quota: FleetQuota,
    /// Of each gateway that is registered, at most.
    heard: BTreeMap<GatewayId, (Instant, wire::Applied)>,
}

impl Reported {
    fn begin(term: Term) -> Self {
        let (began, quota) = (Instant::now(), FleetQuota::begin(MonoUs(0)));
        Self { term, began, quota, heard: BTreeMap::new() }
    }
}

/// What this leader has heard of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Since it was heard last, or else since this leader hears gateways.
    pub(crate) silent: Duration,
    /// What it said then.
    pub(crate) applied: Option<wire::Applied>,
}

impl Fleet {
    /// Takes what a gateway has to report; its shares.
    pub(crate) fn allot(
        &self,
        term: Term,
        gateway: &GatewayId,
        demands: &[(Origin, u32)],
    ) -> Allotment {
        let mut reported = self.reported();
        let reported = of_term(&mut reported, term);
        let now = MonoUs(u64::try_from(reported.began.elapsed().as_micros()).unwrap_or(u64::MAX));
        reported.quota.report(gateway, now, demands)
    }

    /// Takes how far a gateway has come.
    pub(crate) fn note_applied(&self, term: Term, gateway: GatewayId, applied: wire::Applied) {
        let mut reported = self.reported();
        of_term(&mut reported, term).heard.insert(gateway, (Instant::now(), applied));
    }

    /// What was heard of each of these gateways in this term.
    pub(crate) fn heard<'g>(
        &self,
        term: Term,
        gateways: impl Iterator<Item = &'g GatewayId>,
    ) -> Vec<Heard> {
        let mut reported = self.reported();
        let reported = of_term(&mut reported, term);
        let of = |gateway: &GatewayId| match reported.heard.get(gateway) {
            Some((at, applied)) => Heard { silent: at.elapsed(), applied: Some(applied.clone()) },
            None => Heard { silent: reported.began.elapsed(), applied: None },
        };
        gateways.map(of).collect()
    }

    /// Forgets them all.
    pub(super) fn forget_demands(&self) {
        *self.reported() = None;
    }

    /// Held while one report is answered, never across an await.
    fn reported(&self) -> MutexGuard<'_, Option<Reported>> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was reported in this term; nothing of an earlier one is kept.
fn of_term(reported: &mut Option<Reported>, term: Term) -> &mut Reported {
    let same = reported.take().filter(|reported| reported.term == term);
    reported.insert(same.unwrap_or_else(|| Reported::begin(term)))
}
