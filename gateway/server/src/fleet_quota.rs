//! The quotas of peers, which are the fleet's: this gateway's shares of them, leased from the registry's leader each second. With
//! the same report the leader is told how far this gateway's cache is, and tells where the other gateways are.
//!
//! Decides what is counted for the next report, and in which order shares come into force. Must never hold up a request: what a
//! share is, each finds in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use deploy_service::Backoff;
use gateway_core::Peers;
use gateway_core::fleet_quota::{Answer, Demands, FleetShares, PEERS_MAX, is_near};
use gateway_core::gcra::{Quota, Remaining, RetryAfter, Share};
use proto_types::{MonoUs, Origin, TaskOwner};
use proto_wire::registry::v1 as wire;
use tokio::time::MissedTickBehavior;
use tonic::transport::Channel;

use crate::cache::Applied;
use crate::clock;
use crate::gateway::Gateway;
use crate::newcomers::Questions;

/// From one report to the next: a third of a lease.
const PERIOD: Duration = Duration::from_secs(1);

/// The shares in force, and what the next report is made of.
#[derive(Debug, Default)]
pub(crate) struct FleetQuota {
    shares: ArcSwap<FleetShares>,
    /// Requests of peers that are near their share, and have no lease yet.
    near: Mutex<BTreeMap<Origin, u32>>,
}

impl FleetQuota {
    /// What this gateway may give of a peer's quota.
    pub(crate) fn share(&self, peer: &Origin) -> Share {
        self.shares.load().of(peer)
    }

    /// Gateways that share the quotas.
    pub(crate) fn gateways(&self) -> u32 {
        self.shares.load().gateways()
    }

    /// Counts a request if the leader has to know of its peer: there are others who would have what this one does not need.
    pub(crate) fn note(&self, peer: &Origin, quota: Quota, left: &Result<Remaining, RetryAfter>) {
        let shares = self.shares.load();
        if shares.gateways() == 1 || shares.count(peer) || !is_near(quota, left) {
            return;
        }
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = near.get_mut(peer) {
            *count = count.saturating_add(1);
        } else if near.len() < PEERS_MAX {
            near.insert(peer.clone(), 1);
        }
    }

    fn take_seen(&self) -> BTreeMap<Origin, u32> {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = std::mem::take(&mut *near);
        drop(near);
        self.shares.load().take_seen(&mut seen);
        seen
    }
}

/// Leases shares each second, until it is dropped.
pub(crate) async fn lease(gateway: Arc<Gateway>) {
    let mut leasing = Leasing::since(clock::mono());
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        leasing.renew(&gateway).await;
    }
}

struct Leasing {
    demands: Demands,
    questions: Questions,
    reported: MonoUs,
    leader: Option<Channel>,
    backoff: Backoff,
}

impl Leasing {
    fn since(now: MonoUs) -> Self {
        let (demands, questions) = (Demands::default(), Questions::default());
        let backoff = Backoff::new(PERIOD, PERIOD);
        Self { demands, questions, reported: now, leader: None, backoff }
    }

    async fn renew(&mut self, gateway: &Gateway) {
        let (now, asked_at) = (clock::mono(), clock::wall());
        let even = gateway.limits.fleet_quota.shares.load().even();
        let even = gateway.live.load().bounds.peer_quota().scaled(even);
        let seen = gateway.limits.fleet_quota.take_seen();
        let demands = self.demands.report(&seen, now.since(self.reported), even);
        self.reported = now;
        let demand = |(peer, milli_per_second): (Origin, u32)| {
            let peer = peer.to_string();
            wire::PeerDemand { peer, milli_per_second }
        };
        let demands = demands.into_iter().map(demand).collect();
        let asked = self.questions.next(&gateway.limits.newcomers);
        let peers = asked.iter().map(Origin::to_string).collect();
        let applied = Some(applied(gateway, now));
        let message = wire::LeaseSharesRequest { demands, peers, applied };
        match gateway.registry.lease_shares(message, &mut self.leader).await {
            Ok(reply) => {
                self.backoff.succeeded();
                gateway.fleet.others.know(asked_at, &reply.registered);
                self.questions.answered(&gateway.cache.peers.load(), asked, &reply.newcomers);
                let before = gateway.limits.fleet_quota.shares.load_full();
                put(gateway, before.answered(now, read(reply)));
            }
            Err(status) => {
                self.questions.unanswered(&gateway.cache.peers.load(), asked);
                self.unanswered(gateway, &status);
            }
        }
    }

    /// What was leased counts until it is over.
    fn unanswered(&mut self, gateway: &Gateway, status: &tonic::Status) {
        if let Some(unsaid) = self.backoff.failed(Instant::now()).say {
            let gateways = gateway.limits.fleet_quota.gateways();
            tracing::warn!(code = ?status.code(), gateways, unsaid, "no shares of quotas are leased");
        }
        if let Some(even) = gateway.limits.fleet_quota.shares.load().expired(clock::mono()) {
            put(gateway, even);
        }
    }
}

/// How far this gateway is, and whom it has cut off: what an operator waits for who revokes a peer.
fn applied(gateway: &Gateway, now: MonoUs) -> wire::Applied {
    // Before what is open is counted: what was let in by an older state is among it.
    let Applied { epoch, revision } = gateway.cache.applied();
    let cut_off = gateway.waiting.cut_offs.recent(now).into_iter().map(|(peer, ended)| {
        let owner = TaskOwner::parse(peer.as_str()).ok();
        let open = owner.map_or(0, |owner| gateway.waiting.held(&owner));
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        let (streams, calls) = (ended.streams, ended.calls);
        wire::CutOff { peer: peer.to_string(), streams, calls, open }
    });
    wire::Applied { epoch, revision, cut_off: cut_off.collect() }
}

fn read(reply: wire::LeaseSharesReply) -> Answer {
    let share = |said: wire::PeerShare| {
        Some((Origin::parse(&said.peer).ok()?, Share::millionths(said.millionths)))
    };
    Answer {
        gateways: reply.gateways,
        is_settled: reply.settled,
        lease_us: reply.lease_ms.saturating_mul(1_000),
        shares: reply.shares.into_iter().take(PEERS_MAX).filter_map(share).collect(),
    }
}

/// Brings shares into force. A peer whose share grows has no more for that until time has passed: its cell is made ready before,
/// and that of one whose share shrinks after.
fn put(gateway: &Gateway, next: FleetShares) {
    let before = gateway.limits.fleet_quota.shares.load_full();
    let after = Arc::new(next);
    let peers = gateway.cache.peers.load();
    let grow = before.changes(&after).filter(|(_, was, is)| was < is);
    resize(gateway, &peers, grow);
    gateway.limits.fleet_quota.shares.store(Arc::clone(&after));
    let shrink = before.changes(&after).filter(|(_, was, is)| was > is);
    resize(gateway, &peers, shrink);
}

fn resize<'c>(
    gateway: &Gateway,
    peers: &Peers,
    changes: impl Iterator<Item = (&'c Origin, Share, Share)>,
) {
    for (origin, was, is) in changes {
        if let Some(peer) = peers.find(origin) {
            let quota = gateway.fleet_wide_quota(peer);
            peer.cell.resize(clock::mono(), quota.scaled(was), quota.scaled(is));
        }
    }
}
