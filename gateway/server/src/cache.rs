//! What this gateway knows of the registry: peers, agents and who may see these, as of the last change it has seen.
//!
//! Decides when the knowledge is complete enough to serve (the first sync) and when the member that
//! feeds it must be left. Must never serve from a cache that nobody confirms: a member cut off from
//! its cluster would keep revoked peers alive; nor from one of another cluster epoch than the registry's: in a
//! restored cluster other peers are enrolled.

mod admissions;
mod fill;
mod policies;
mod read;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use deploy_service::Backoff;
use deploy_service::ready::Condition;
use gateway_core::Peers;
use policy_core::Policies;
use proto_types::visibility::Admissions;
use proto_types::{ChangeKind, Handle, MonoUs, Origin};
use proto_wire::registry::v1 as wire;
use tonic::{Code, Status, Streaming};

pub use self::read::read_peers;
use crate::agents::{Agents, Looker};
use crate::clock;
use crate::registry::{Member, Registry};
use crate::waiting::Waiting;

/// How often the watched member must confirm that it still hears its cluster.
const CONFIRM: Duration = Duration::from_secs(15);
/// An unconfirmed cache lets nobody in: a revocation after the last confirmation may have been
/// missed, and 60 s are promised.
const STALE_US: u64 = 45_000_000;
/// From one attempt to follow a member to the next, at first.
const RETRY: Duration = Duration::from_millis(200);
/// A registry that comes back is followed within this: a fraction of the staleness that is allowed.
const RETRY_MAX: Duration = Duration::from_secs(2);
/// The kinds of changes that a gateway cares about.
const KINDS: [ChangeKind; 5] = [
    ChangeKind::Peer,
    ChangeKind::Agent,
    ChangeKind::Namespace,
    ChangeKind::Task,
    ChangeKind::Policy,
];

/// The snapshots, swapped whole.
pub(crate) struct Cache {
    pub(crate) peers: ArcSwap<Peers>,
    pub(crate) agents: ArcSwap<Agents>,
    /// What calls are held against; unknown until they were read once.
    pub(crate) policies: ArcSwap<Policies>,
    /// Names and digests of the policies that were compiled last; none before the first.
    policies_of: ArcSwapOption<Vec<(String, String)>>,
    admissions: ArcSwap<Admissions>,
    /// When it was last confirmed, in microseconds of the monotonic clock; 0 while it is not complete.
    confirmed: AtomicU64,
    /// The cluster epoch that it was filled from.
    epoch: AtomicU64,
    /// The same, with the newest change that it holds.
    applied: ArcSwap<Applied>,
    registry: Arc<Registry>,
}

/// How far the cache is: what concerns it of all changes up to this one, in this cluster epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) epoch: u64,
    pub(crate) revision: u64,
}

impl Cache {
    pub(crate) fn new(
        origin: Origin,
        (default_agent, dual_cards): (Option<Handle>, bool),
        registry: &Arc<Registry>,
    ) -> Arc<Self> {
        let agents = Agents::new(origin, default_agent, dual_cards);
        let agents = ArcSwap::from_pointee(agents);
        let (peers, admissions) = (ArcSwap::default(), ArcSwap::default());
        let policies = ArcSwap::from_pointee(Policies::unknown());
        let (confirmed, epoch) = (AtomicU64::new(0), AtomicU64::new(0));
        let (applied, registry) = (ArcSwap::default(), Arc::clone(registry));
        let policies_of = ArcSwapOption::empty();
        Arc::new(Self {
            peers,
            agents,
            policies,
            policies_of,
            admissions,
            confirmed,
            epoch,
            applied,
            registry,
        })
    }

    /// A peer that may act, as it looks at the agents.
    pub(crate) fn peer(&self, origin: &Origin) -> Looker {
        self.admissions.load().viewer(origin).into()
    }

    /// Whether it was confirmed lately enough, by the cluster that there is now, to be acted on.
    pub(crate) fn is_fresh(&self) -> bool {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        confirmed > 0
            && clock::mono().since(MonoUs(confirmed)) <= STALE_US
            && self.is_of(self.epoch())
    }

    /// The cluster epoch that it was filled from.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// How far it is. Nothing that it says is taken back by what is still to come.
    pub(crate) fn applied(&self) -> Applied {
        **self.applied.load()
    }

    fn has_applied(&self, revision: u64) {
        self.applied.store(Arc::new(Applied { epoch: self.epoch(), revision }));
    }

    /// Whether the registry is still at this cluster epoch.
    pub(crate) fn is_of(&self, epoch: u64) -> bool {
        self.registry.epoch() == epoch
    }
}

/// Follows the registry until it is dropped. `synced` holds from the first sync on, as long as the
/// cache is fresh.
pub(crate) async fn follow(
    cache: Arc<Cache>,
    registry: Arc<Registry>,
    waiting: Arc<Waiting>,
    synced: Condition,
) {
    let follower = Follower { cache, waiting, synced };
    let mut since = None;
    let mut backoff = Backoff::new(RETRY, RETRY_MAX);
    loop {
        let member = registry.member();
        let before = follower.cache.confirmed.load(Ordering::Relaxed);
        let status = follower.follow_member(&member, &mut since).await;
        let confirmed = follower.cache.confirmed.load(Ordering::Relaxed);
        if confirmed != before && confirmed > 0 {
            backoff.succeeded();
        }
        let failed = backoff.failed(Instant::now());
        follower.lost(&member, &status, failed.say);
        tokio::time::sleep(failed.pause).await;
    }
}

struct Follower {
    cache: Arc<Cache>,
    waiting: Arc<Waiting>,
    synced: Condition,
}

impl Follower {
    /// What is known is not complete any more: it serves nobody, and nobody should be sent here, until it is filled again.
    fn unconfirm(&self) {
        self.cache.confirmed.store(0, Ordering::Release);
        self.synced.set(false);
    }

    /// What is done about a member that can be followed no longer; `say` as the backoff has it.
    fn lost(&self, member: &Member<'_>, status: &Status, say: Option<u64>) {
        self.synced.set(self.cache.is_fresh());
        match status.code() {
            // The cursor is not kept any more, or of another epoch: begin with a fresh copy.
            Code::OutOfRange => {
                tracing::warn!(reason = status.message(), "the cache is filled anew");
            }
            // We were too slow: go on from where we are.
            Code::Aborted => {}
            code => {
                if let Some(unsaid) = say {
                    tracing::info!(?code, unsaid, "the watch ended");
                }
                member.give_up();
            }
        }
    }

    /// Returns only when the member can be followed no longer.
    async fn follow_member(&self, member: &Member<'_>, since: &mut Option<u64>) -> Status {
        match self.try_follow(member, since).await {
            Ok(()) => Status::unavailable("the watch ended"),
            Err(status) => {
                // What came after the cursor is not told there: only the lists tell it. Until they have, what is
                // known may be a cluster's that is no more.
                if status.code() == Code::OutOfRange {
                    *since = None;
                    self.unconfirm();
                }
                status
            }
        }
    }

    async fn try_follow(&self, member: &Member<'_>, since: &mut Option<u64>) -> Result<(), Status> {
        let mut changes = self.watch(member, since).await?;
        let mut confirm = tokio::time::interval(CONFIRM);
        confirm.tick().await;
        loop {
            tokio::select! {
                change = changes.message() => {
                    let Some(change) = change? else { return Ok(()) };
                    self.take(member, &change).await?;
                    self.cache.has_applied(change.revision);
                    *since = Some(change.revision);
                }
                _ = confirm.tick() => self.confirm(member).await?,
            }
        }
    }

    /// The changes behind what is known, which is filled first if it has to be; from then on it serves.
    async fn watch(
        &self,
        member: &Member<'_>,
        since: &mut Option<u64>,
    ) -> Result<Streaming<wire::Change>, Status> {
        let start = match *since {
            Some(revision) if self.cache.is_of(self.cache.epoch()) => revision,
            _ => self.fill(member).await?,
        };
        *since = Some(start);
        let kinds = KINDS.map(|kind| kind.to_string()).to_vec();
        let changes =
            member.watch(wire::WatchRequest { since: start, kinds, ..Default::default() }).await?;
        self.confirm(member).await?;
        self.synced.set(true);
        tracing::info!(
            epoch = self.cache.epoch(),
            revision = start,
            peers = self.cache.peers.load().len(),
            "following the registry"
        );
        Ok(changes)
    }

    /// A strong read: only a member that hears its cluster answers it.
    async fn confirm(&self, member: &Member<'_>) -> Result<(), Status> {
        member.peers(fill::page("", 1, wire::Consistency::Strong)).await?;
        self.cache.confirmed.store(clock::mono().0, Ordering::Release);
        Ok(())
    }

    async fn take(&self, member: &Member<'_>, change: &wire::Change) -> Result<(), Status> {
        match change.kind.parse::<ChangeKind>() {
            Ok(ChangeKind::Peer) => self.take_peer(member, change).await,
            Ok(ChangeKind::Agent) => self.take_agent(member, change).await,
            // The member that said so has applied the change.
            Ok(ChangeKind::Namespace) => {
                self.fill_admissions(member, wire::Consistency::Stale).await
            }
            Ok(ChangeKind::Policy) => self.fill_policies(member, wire::Consistency::Stale).await,
            Ok(ChangeKind::Task) => {
                self.waiting.changed(&change.id);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use deploy_service::tls::Connector;
    use deploy_service::{Readiness, Shutdown};

    use super::*;

    #[tokio::test]
    async fn a_gateway_whose_cache_is_filled_anew_is_not_ready_whatever_stops_that() {
        let members = ["http://127.0.0.1:1".to_owned()];
        let registry = Registry::new(&members, "g1", "credential", &Connector::plain());
        let registry = Arc::new(registry.unwrap());
        let origin = Origin::parse("https://gateway.example").unwrap();
        let readiness = Readiness::new(Shutdown::new());
        let synced = readiness.condition("synced");
        synced.set(true);
        let cache = Cache::new(origin, (None, false), &registry);
        let follower = Follower { cache, waiting: Arc::new(Waiting::new(8)), synced };
        let member = registry.member();
        follower.fill(&member).await.unwrap_err();
        assert_eq!(readiness.waiting_for(), ["synced"]);
        follower.lost(&member, &Status::aborted("the registry was restored"), None);
        assert_eq!(readiness.waiting_for(), ["synced"]);
    }
}
