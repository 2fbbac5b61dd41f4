//! What the parts of one gateway share, put together once at the start. It must never hold state that another gateway would
//! need: kill any, lose nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use deploy_service::reload::Reloads;
use deploy_service::{Pool, Readiness, Shutdown};
use gateway_core::limits::Policy;
use gateway_core::{Caller, Failure, Peer, admit};
use proto_types::{GatewayId, Origin, Shares};
use proto_wire::registry::v1 as wire;

use crate::cache::Cache;
use crate::charger::Charger;
use crate::config::{Bounds, Checked, Config};
use crate::federation::Federation;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::registry::Registry;
use crate::secrets::Secrets;
use crate::spend::Spender;
use crate::upstream::UpstreamClient;
use crate::waiting::Waiting;
use crate::webhooks::Deliveries;
use crate::{clock, grpc};

/// One gateway.
pub(crate) struct Gateway {
    pub(crate) id: GatewayId,
    pub(crate) admission: admit::Config,
    pub(crate) events_endpoint: String,
    pub(crate) registry: Arc<Registry>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) spender: Spender,
    pub(crate) charger: Charger,
    /// What may change meanwhile.
    pub(crate) live: ArcSwap<Live>,
    pub(crate) reloads: Arc<Reloads>,
    pub(crate) pools: Pools,
    pub(crate) metrics: Metrics,
    /// How attached agents are called.
    pub(crate) upstreams: UpstreamClient,
    /// As whom peers are called, and what they are told of this instance.
    pub(crate) federation: Federation,
    /// How deliveries to webhooks ended.
    pub(crate) deliveries: Deliveries,
    pub(crate) refusals: Refusals,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: Shutdown,
    /// After the wish to stop, when what lasts has to end.
    streams_end: Duration,
    /// The gRPC services, but for A2A's.
    pub(crate) grpc: Router,
}

/// What there is a bounded number of at once, each with its holders.
pub(crate) struct Pools {
    /// Long polls, by target.
    pub(crate) polls: Pool<String>,
    /// Pages of tasks that are being made, by the peer that asks.
    pub(crate) lists: Pool<Origin>,
}

/// Pages of tasks at once. The registry bounds a page to 4 MiB of documents, which take some times that once they are read.
/// Arbitrary.
const LISTS_MAX: u64 = 32;

impl Pools {
    fn new(bounds: &Bounds) -> Self {
        let shares = |places| Shares::new(places).without_reserve();
        let polls = Pool::new(shares(bounds.polls_max as u64));
        Self { polls, lists: Pool::new(shares(LISTS_MAX)) }
    }
}

/// Where this process listens, and under which origin it is known.
fn own(config: &Config, address: SocketAddr, origin: Option<Origin>) -> (String, Origin) {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let here = format!("{scheme}://{address}");
    let own = || Origin::normalise(&here).expect("a socket's address makes an origin");
    let origin = origin.unwrap_or_else(own);
    (here, origin)
}

/// The registry ends a task at its deadline and reports it; this much later it has not.
const GRACE: Duration = Duration::from_secs(5);

impl Gateway {
    /// Puts the parts together; nothing is called yet.
    pub(crate) fn new(
        (config, Checked { id, origin, default_agent, cors }): (&Config, Checked),
        (secrets, registry, upstreams): (&Secrets, Arc<Registry>, UpstreamClient),
        (address, readiness, shutdown): (SocketAddr, Readiness, Shutdown),
    ) -> Arc<Self> {
        let (bounds, (here, origin)) = (&config.bounds, own(config, address, origin));
        let waiting = Arc::new(Waiting::new(bounds.waiting_max));
        Arc::new(Self {
            federation: Federation::new(config, &origin, secrets.key.clone()),
            id,
            live: ArcSwap::from_pointee(Live::new(bounds.clone(), cors, secrets.tokens.clone())),
            reloads: Arc::default(),
            streams_end: config.limits.streams_end(),
            cache: Cache::new(origin.clone(), (default_agent, config.dual_cards), &registry),
            admission: admit::Config { audience: origin },
            events_endpoint: config.events_endpoint.clone().unwrap_or(here),
            spender: Spender::start(Arc::clone(&registry), bounds.spend_queue_max),
            charger: Charger::start(Arc::clone(&registry)),
            registry,
            pools: Pools::new(bounds),
            metrics: Metrics::new(upstreams.outcomes()),
            upstreams,
            deliveries: Deliveries::default(),
            refusals: Refusals::default(),
            grpc: grpc::routes(&waiting, &readiness),
            readiness,
            shutdown,
            waiting,
        })
    }

    /// Where nodes push the events of a task whose secret this is.
    pub(crate) fn reply_to(&self, secret: String) -> wire::ReplyTo {
        let (gateway, endpoint) = (self.id.as_str().to_owned(), self.events_endpoint.clone());
        wire::ReplyTo { gateway, endpoint, secret }
    }

    /// How long the end of a task is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.live.load().bounds.task_deadline.std() + GRACE
    }

    /// From the submission of a task to its deadline.
    pub(crate) fn task_deadline_ms(&self) -> u64 {
        let span = self.live.load().bounds.task_deadline.std();
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a request that lasts may go on. What holds for new requests holds for it: a peer that
    /// was revoked or suspended is not served, nor is anybody by a cache that nobody confirms.
    pub(crate) fn check_caller(&self, caller: &Caller) -> Result<(), Failure> {
        if !self.cache.is_fresh() {
            return Err(Failure::RegistryAway);
        }
        caller.check(&self.cache.peers.load(), clock::wall()).map_err(Failure::Denied)
    }

    /// The limit of a peer, by what it has earned.
    pub(crate) fn peer_policy(&self, peer: &Peer) -> Policy {
        let quota = self.live.load().bounds.peer_quota();
        Policy { name: "peer", quota: quota.scaled(peer.share) }
    }

    /// How long a stream may be silent.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.live.load().bounds.heartbeat.std()
    }

    /// The longest call.
    pub(crate) fn call_bytes_max(&self) -> u64 {
        self.live.load().bounds.call_bytes_max.count()
    }

    /// Waits until what lasts has to end because this gateway stops. Cancel safe.
    pub(crate) async fn leaving(&self) {
        self.shutdown.passed(self.streams_end).await;
    }
}
