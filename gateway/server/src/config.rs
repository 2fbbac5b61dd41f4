//! What a gateway is told at start: the section `gateway`.
//!
//! Decides which settings there are, and their defaults. Must never hold a secret, only the path of its file.

mod bounds;
mod checked;
mod clients;
mod contradiction;
mod envelopes;
mod pilox;
mod upstreams;
mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use deploy_service::config::mismatch;
use deploy_service::credential::lacks_join_token;
use deploy_service::settings::Setting;
use deploy_service::telemetry::Otlp;
use deploy_service::tls::{ClientFiles, Connector, ServerFiles};
use deploy_service::units::{Bytes, Duration};
use deploy_service::{Limits, Network, Security, config, telemetry};
use serde::Deserialize;

pub(crate) use self::checked::Checked;
pub(crate) use self::clients::quota;
pub use self::clients::{Clients, Oidc, Public};
pub use self::contradiction::Contradiction;
pub use self::envelopes::Envelopes;
pub use self::pilox::{Hs256Peer, Relay};
pub use self::upstreams::{UpstreamCredential, Upstreams};
pub use self::webhooks::Webhook;

/// The configuration of one gateway.
#[derive(Clone, Debug, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Its name, unique in the fleet: 1 to 64 of `a-z 0-9 . _ -`.
    pub id: String,
    /// Where it listens; without `tls` on loopback only. Port 0 asks for a free one.
    pub listen: SocketAddr,
    /// The origin under which peers know it, which tokens name as their audience. By default the
    /// scheme and the address it listens on.
    pub origin: Option<String>,
    /// Under which URL nodes reach it; by default the scheme and the address it
    /// listens on.
    pub events_endpoint: Option<String>,
    /// Registry members, `https://host:port`, or `http://` on loopback.
    pub registry: Vec<String>,
    /// How registry members are verified, and the certificate shown to them (`.../gateway/<id>`):
    /// `{ ca = "..", cert = "..", key = ".." }`.
    pub registry_tls: Option<ClientFiles>,
    /// The listener's certificate: `{ cert = "..", key = ".." }`.
    pub tls: Option<ServerFiles>,
    /// Where the join token lies; needed until the gateway is registered.
    pub join_token_file: Option<PathBuf>,
    /// Where its credential is kept.
    pub state_dir: PathBuf,
    /// What local subscribers of envelopes show; each file holds one token.
    pub subscriber_token_files: Vec<PathBuf>,
    /// What an operator shows to call peers as this instance; it may pull envelopes too.
    pub operator_token_file: Option<PathBuf>,
    /// The key that signs this instance's own tokens, without which no peer is called: a private JWK, or the seed in 64
    /// hexadecimal digits. The descriptor shows its public half.
    pub federation_key_file: Option<PathBuf>,
    /// The key by which gateways know the nonces that the others have given, in 64 hexadecimal digits: the same for all gateways of
    /// one origin, at one of which each token is spent that is bound to such a nonce, without a word to the registry. Where it is
    /// another gateway's, that one is handed the request, at its `events_endpoint`, in TLS as by `registry_tls`. Without a key no
    /// nonces are given, and bound tokens are refused.
    pub fleet_key_file: Option<PathBuf>,
    /// The agent that answers calls to the instance which name none.
    pub default_agent: Option<String>,
    /// Whether cards have the members of A2A 0.3 beside those of 1.0 for every reader: clients of Pilox read `agent-card.json`
    /// and state no version. Readers of 1.0 pass over what they do not know, unless they are strict. Under
    /// `/.well-known/agent.json`, and for who states `A2A-Version: 0.3`, cards have them in any case.
    pub dual_cards: bool,
    /// Whether `/.well-known/hive-mesh.json` is served.
    pub brand_hive: bool,
    /// Whether `/.well-known/pilox-mesh.json` is served. Peers are shown `X-Pilox-Federation-JWT` then, and
    /// `X-Hive-Federation-JWT` otherwise.
    pub brand_pilox: bool,
    /// Web origins whose pages may call agents from a browser, such as `https://app.example`; `*` for
    /// all. Every page may read cards and descriptors.
    pub cors_origins: Vec<String>,
    /// Descriptors of other instances, told to whoever asks.
    pub bootstrap_descriptor_urls: Vec<String>,
    /// Where the real address is written once it listens.
    pub addr_file: Option<PathBuf>,
    /// What is logged, such as `info,registry_raft=debug`, unless `ECUMENE_LOG` says it; by default `info,openraft=warn`.
    pub log_filter: Option<String>,
    /// Whether each request is a line of the log, with the target `access`: by whom, what, how it ended, bytes and time.
    pub access_log: bool,
    /// Networks of the proxies that are believed when they say, in `Forwarded` or `X-Forwarded-For`, who their client is;
    /// nobody's by default. Connections count by the proxy all the same, unless it speaks the PROXY protocol: for one that
    /// carries many, raise `limits.connections_per_address_max`.
    pub trusted_proxies: Vec<Network>,
    /// Whether every connection from `trusted_proxies` has to begin with a header of the PROXY protocol, version 1 or 2. List
    /// no network there, then, from which members, gateways, nodes or clients connect directly.
    pub proxy_protocol: bool,
    /// Networks from which the tokens of peers are taken, such as `203.0.113.0/24`, by the client's address as `trusted_proxies`
    /// tell it; from everywhere by default. Elsewhere a token is refused as one that does not hold.
    pub federation_networks: Vec<Network>,
    /// What the gateway or proxy in front of this one shows with each call and each envelope, as `X-Pilox-Gateway-Auth` or
    /// `X-Hive-Gateway-Auth`. Where it is set, nothing is taken that comes without; cards and documents are for everybody.
    pub gateway_auth_file: Option<PathBuf>,
    /// Who may bring the envelopes of others, as a subscriber of Pilox does. They count after a restart.
    pub relays: Vec<Relay>,
    /// Peers that may also sign their tokens with a secret that they share with this gateway (HS256), as instances of Pilox do by
    /// default; none by default. They count after a restart.
    pub hs256_peers: Vec<Hs256Peer>,
    /// What clients may use up of the listener; lame-duck and drain times are in here.
    pub limits: Limits,
    /// What calls may use up.
    pub bounds: Bounds,
    /// How the servers of attached agents are reached.
    pub upstreams: Upstreams,
    /// Who else may call besides peers; nobody by default.
    pub clients: Clients,
    /// Where envelopes are taken to. Every gateway of the fleet may have the same: each envelope is one's at a time.
    pub webhooks: Vec<Webhook>,
    /// Where envelopes are kept, and to which peers they are handed on.
    pub envelopes: Envelopes,
    /// Where traces and the log go besides.
    pub telemetry: Otlp,
}

/// What calls may use up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Requests a second from one IPv4 address or IPv6 /64 before anything is verified. A junk token
    /// costs about 50 us, so that one address can take at most a tenth of a core.
    pub address_requests_per_second: u32,
    /// As many of them at once.
    pub address_burst: u32,
    /// Requests of one peer in each `peer_window`, at all gateways together; all of them at once if need be. Every gateway of the
    /// fleet has to have the same.
    pub peer_requests: u32,
    /// The span that `peer_requests` is counted over.
    pub peer_window: Duration,
    /// Requests in each `peer_window` at this gateway of all peers together of which next to nothing was seen yet, besides what
    /// each of them may do; 0 for no common limit.
    pub newcomer_requests: u32,
    /// Malformed requests of one peer at once after which it is let in no more for a minute, and for twice as long each time
    /// after; in the long run a fiftieth of `peer_requests` may be malformed. 0 for never.
    pub quarantine_after: u32,
    /// Whether calls are shed (503) before all of them become slow: as many are admitted at once as have their tokens spent
    /// within a quarter of a second, or within four times what that takes at rest.
    pub adaptive_concurrency: bool,
    /// Calls that may be admitted at once whatever that takes.
    pub in_flight_min: u32,
    /// The largest A2A call. The registry stores inputs of up to 1 MiB, and some room must be left
    /// for what the gateway adds.
    pub call_bytes_max: Bytes,
    /// From submission to the outcome of a task.
    pub task_deadline: Duration,
    /// Tasks that callers wait for at once. Each holds a queue of events.
    pub waiting_max: usize,
    /// Tokens that wait to be spent, and envelopes that wait to be taken; more are answered 503, and 429 where they are one
    /// peer's share.
    pub spend_queue_max: usize,
    /// Bound tokens that this gateway remembers at once, each for two minutes or so and in some 50 bytes; more are answered 503.
    /// A peer with `peer_requests` can fill an eighth of the default.
    pub bound_tokens_max: usize,
    /// Between two comments on a silent stream: below the 60 s after which proxies cut.
    pub heartbeat: Duration,
    /// How long an accepted envelope is kept for its subscriber; the registry takes at most 7 days. Its bytes count that long,
    /// delivered or not; those of a dead letter for 7 days more. What is kept for tasks and envelopes may come to 12 GiB for all
    /// callers, of which one alone has half: at 2 KiB an envelope and 6 days, some 12 envelopes a second for all, and 6 for one.
    pub envelope_ttl: Duration,
    /// How long an envelope stays with the subscriber that pulled it.
    pub envelope_lease: Duration,
    /// Long polls at once.
    pub polls_max: usize,
}

impl Default for Config {
    #[rustfmt::skip]
    fn default() -> Self {
        Self {
            id: String::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7443)),
            origin: None,
            events_endpoint: None,
            registry: Vec::new(), registry_tls: None,
            tls: None,
            join_token_file: None,
            state_dir: PathBuf::new(),
            subscriber_token_files: Vec::new(),
            operator_token_file: None,
            federation_key_file: None, fleet_key_file: None,
            default_agent: None, dual_cards: false,
            brand_hive: true, brand_pilox: true,
            cors_origins: Vec::new(),
            bootstrap_descriptor_urls: Vec::new(),
            addr_file: None, log_filter: None, access_log: false,
            trusted_proxies: Vec::new(), proxy_protocol: false,
            federation_networks: Vec::new(), gateway_auth_file: None,
            relays: Vec::new(), hs256_peers: Vec::new(),
            limits: Limits::default(),
            bounds: Bounds::default(),
            upstreams: Upstreams::default(),
            clients: Clients::default(),
            webhooks: Vec::new(),
            envelopes: Envelopes::default(),
            telemetry: Otlp::default(),
        }
    }
}

impl config::Role for Config {
    const NAME: &'static str = "gateway";
    const CHOSEN: &'static [(&'static str, &'static str)] = &[
        ("id", "\"gateway-1\""),
        ("registry", "[\"http://127.0.0.1:7400\"]"),
        ("join_token_file", "\"secrets/gateway-1-join\""),
        ("state_dir", "\"data/gateway-1\""),
    ];

    fn stop_timeout(&self) -> std::time::Duration {
        self.limits.stop_timeout()
    }

    fn log_filter(&self) -> Option<&str> {
        self.log_filter.as_deref()
    }

    fn telemetry(&self) -> Option<&Otlp> {
        Some(&self.telemetry)
    }

    fn instance(&self) -> String {
        self.id.clone()
    }

    fn contradiction(&self) -> Option<String> {
        let networks = &self.upstreams.private_networks;
        let addresses = |_| webhooks::check_addresses(&self.webhooks, networks);
        let clients = |()| self.clients.check_addresses(networks);
        let refused = self.checked().and_then(addresses).and_then(clients).err();
        let refused = refused.map(|contradiction| telemetry::chain(&contradiction));
        refused.or_else(|| lacks_join_token(&self.state_dir, self.join_token_file.as_deref()))
    }

    fn mismatches(&self) -> Vec<String> {
        let registry = mismatch("registry_tls", Connector::maybe(self.registry_tls.clone()));
        let own = mismatch("tls", Security::open(self.tls.clone()));
        let upstreams = mismatch("upstreams.tls", self.upstreams.connector());
        registry.into_iter().chain(own).chain(upstreams).collect()
    }
}
