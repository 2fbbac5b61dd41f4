//! What the parts of one gateway share, put together once at the start. It must never hold state that another gateway would
//! need: kill any, lose nothing.

mod parts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use deploy_service::{Readiness, Shutdown};
use gateway_core::{Caller, Failure, admit};
use proto_types::{GatewayId, Origin};
use proto_wire::registry::v1 as wire;

use crate::agents::{Directory, Looker};
use crate::cache::Cache;
use crate::charger::Charger;
use crate::config::{Checked, Config};
use crate::federation::Federation;
use crate::fleet::{Fleet, Others};
use crate::limits::AdmissionLimits;
use crate::live::Live;
use crate::registry::Registry;
use crate::secrets::Secrets;
use crate::spend::Spender;
use crate::store::Store;
use crate::upstream::UpstreamClient;
use crate::waiting::{Lasting, Waiting};
use crate::{clock, grpc};

use self::parts::{Counts, Fixed, Pools};

/// One gateway.
pub(crate) struct Gateway {
    pub(crate) id: GatewayId,
    pub(crate) admission: admit::Config,
    /// What this gateway has in common with the others of its origin.
    pub(crate) fleet: Fleet,
    pub(crate) registry: Arc<Registry>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) spender: Spender,
    /// Where envelopes are kept.
    pub(crate) envelopes: Store,
    pub(crate) charger: Charger,
    pub(crate) fixed: Fixed,
    /// What may change meanwhile.
    pub(crate) live: ArcSwap<Live>,
    pub(crate) pools: Pools,
    pub(crate) counts: Counts,
    /// How attached agents are called.
    pub(crate) upstreams: UpstreamClient,
    /// As whom peers are called, and what they are told of this instance.
    pub(crate) federation: Federation,
    pub(crate) limits: AdmissionLimits,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: Shutdown,
    /// The gRPC services, but for A2A's.
    pub(crate) grpc: Router,
}

/// How the registry, agents and other gateways are called.
type Outward = (Arc<Registry>, UpstreamClient, Others);

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
        (secrets, (registry, upstreams, others)): (&Secrets, Outward),
        (address, readiness, shutdown): (SocketAddr, Readiness, Shutdown),
    ) -> Arc<Self> {
        let (bounds, (here, origin)) = (&config.bounds, own(config, address, origin));
        let waiting = Arc::new(Waiting::new(bounds.waiting_max));
        let fleet = Fleet::new(secrets.fleet_key.clone(), (&origin, &id), others);
        Arc::new(Self {
            federation: Federation::new(config, &origin, secrets.key.clone()),
            id,
            fixed: Fixed::new(config, secrets, here),
            live: ArcSwap::from_pointee(Live::start(bounds, cors, secrets)),
            cache: Cache::new(origin.clone(), (default_agent, config.dual_cards), &registry),
            admission: admit::Config { audience: origin, nonces: fleet.nonces() },
            fleet,
            spender: Spender::start(Arc::clone(&registry), bounds.spend_queue_max),
            charger: Charger::start(Arc::clone(&registry)),
            envelopes: Store::open(config, &secrets.jetstream, &registry),
            registry,
            pools: Pools::new(bounds),
            counts: Counts::new(&upstreams),
            upstreams,
            limits: AdmissionLimits::default(),
            grpc: grpc::routes(&waiting, &readiness),
            readiness,
            shutdown,
            waiting,
        })
    }

    /// Where nodes push the events of a task whose secret this is.
    pub(crate) fn reply_to(&self, secret: String) -> wire::ReplyTo {
        let endpoint = self.fixed.events_endpoint.clone();
        let gateway = self.id.as_str().to_owned();
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
    /// was revoked or suspended is not served, nor a client that the operator lets in no more, nor is anybody by a cache
    /// that nobody confirms.
    pub(crate) fn check_caller(&self, caller: &Caller) -> Result<(), Failure> {
        if !self.cache.is_fresh() {
            return Err(Failure::RegistryAway);
        }
        let now = clock::wall();
        if let Some(client) = caller.client_id() {
            let live = self.live.load();
            let standing = live.clients.table().standing(client, now);
            return standing.map(|_| ()).map_err(|refused| Failure::Denied(refused.into()));
        }
        caller.check(&self.cache.peers.load(), now).map_err(Failure::Denied)
    }

    /// [`Gateway::check_caller`] for one that ends with this, if it must: it is counted.
    pub(crate) fn check_lasting(&self, caller: &Caller, lasts: Lasting) -> Result<(), Failure> {
        let checked = self.check_caller(caller);
        if let (Err(Failure::Denied(_)), Some(peer)) = (&checked, caller.origin()) {
            self.waiting.cut_offs.count(peer, lasts, clock::mono());
        }
        checked
    }

    /// The agents as a caller sees them that may act.
    pub(crate) fn directory(&self, caller: &Caller) -> Directory {
        let live = self.live.load();
        let looker = match (caller.origin(), caller.client_id()) {
            (Some(origin), _) => self.cache.peer(origin),
            // Who is let in no more sees what anybody does; whether it may act is for `check_caller` to say.
            (None, client) => {
                let standing = |id| live.clients.table().standing(id, clock::wall()).ok();
                let grant = client.and_then(standing);
                grant.map_or(Looker::ANYBODY, |grant| Looker::of(&grant.agents))
            }
        };
        self.directory_of(looker, &live)
    }

    /// The agents as this instance sees them, for those who run it: as a peer that may act, if it is one, or else as anybody.
    pub(crate) fn own_directory(&self) -> Directory {
        let own = &self.admission.audience;
        let is_peer = self.cache.peers.load().find(own).is_some_and(|peer| peer.active);
        let looker = if is_peer { self.cache.peer(own) } else { Looker::ANYBODY };
        self.directory_of(looker, &self.live.load())
    }

    /// The agents as anybody sees them.
    pub(crate) fn open_directory(&self) -> Directory {
        self.directory_of(Looker::ANYBODY, &self.live.load())
    }

    fn directory_of(&self, looker: Looker, live: &Live) -> Directory {
        Directory::new(self.cache.agents.load_full(), looker, Arc::clone(live.clients.schemes()))
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
        self.shutdown.passed(self.fixed.streams_end).await;
    }
}
