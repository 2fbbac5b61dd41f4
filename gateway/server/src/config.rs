//! What a gateway is told at start: the section `gateway`.
//!
//! Decides defaults, and which settings contradict each other. Must never hold a secret, only the
//! path of its file.

mod bounds;
mod contradiction;
mod upstreams;
mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use deploy_service::config::mismatch;
use deploy_service::credential::lacks_join_token;
use deploy_service::listen::check_proxies;
use deploy_service::settings::Setting;
use deploy_service::telemetry::Otlp;
use deploy_service::tls::{ClientFiles, Connector, ServerFiles};
use deploy_service::units::{Bytes, Duration};
use deploy_service::{Limits, Network, Security, config, telemetry};
use proto_types::pilox::descriptor::BOOTSTRAP_URLS_MAX;
use proto_types::{GatewayId, Handle, Origin};
use serde::Deserialize;

use crate::cors::Cors;

pub use self::contradiction::Contradiction;
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
    /// The agent that answers calls to the instance which name none.
    pub default_agent: Option<String>,
    /// Whether cards have the members of A2A 0.3 beside those of 1.0, so that clients of 0.3 can read them. Readers of 1.0
    /// pass over what they do not know, unless they are strict.
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
    /// Networks of the proxies that are believed when they say, in `Forwarded` or `X-Forwarded-For`, who their client is;
    /// nobody's by default. Connections count by the proxy all the same, unless it speaks the PROXY protocol: for one that
    /// carries many, raise `limits.connections_per_address_max`.
    pub trusted_proxies: Vec<Network>,
    /// Whether every connection from `trusted_proxies` has to begin with a header of the PROXY protocol, version 1 or 2. List
    /// no network there, then, from which members, gateways, nodes or clients connect directly.
    pub proxy_protocol: bool,
    /// What clients may use up of the listener; lame-duck and drain times are in here.
    pub limits: Limits,
    /// What calls may use up.
    pub bounds: Bounds,
    /// How the servers of attached agents are reached.
    pub upstreams: Upstreams,
    /// Where envelopes are taken to. Every gateway of the fleet may have the same: each envelope is one's at a time.
    pub webhooks: Vec<Webhook>,
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
    /// Requests of one peer in each `peer_window`; all of them at once if need be.
    pub peer_requests: u32,
    /// The span that `peer_requests` is counted over.
    pub peer_window: Duration,
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
            federation_key_file: None,
            default_agent: None,
            dual_cards: false,
            brand_hive: true, brand_pilox: true,
            cors_origins: Vec::new(),
            bootstrap_descriptor_urls: Vec::new(),
            addr_file: None, log_filter: None,
            trusted_proxies: Vec::new(), proxy_protocol: false,
            limits: Limits::default(),
            bounds: Bounds::default(),
            upstreams: Upstreams::default(),
            webhooks: Vec::new(),
            telemetry: Otlp::default(),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            address_requests_per_second: 2_000,
            address_burst: 4_000,
            peer_requests: 60_000,
            peer_window: Duration::from_secs(60),
            call_bytes_max: Bytes::from_kib(960),
            task_deadline: Duration::from_secs(120),
            waiting_max: 4_096,
            spend_queue_max: 8_192,
            heartbeat: Duration::from_secs(10),
            envelope_ttl: Duration::from_secs(6 * 86_400),
            envelope_lease: Duration::from_secs(30),
            polls_max: 256,
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
        let refused = self.checked().and_then(addresses).err();
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

/// The parts of the configuration that are read into types.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) id: GatewayId,
    pub(crate) origin: Option<Origin>,
    pub(crate) default_agent: Option<Handle>,
    pub(crate) cors: Cors,
}

impl Config {
    /// Checks the settings against each other.
    pub(crate) fn checked(&self) -> Result<Checked, Contradiction> {
        self.limits.validate()?;
        check_proxies(&self.trusted_proxies, self.proxy_protocol)?;
        let id = GatewayId::parse(&self.id).map_err(Contradiction::Id)?;
        let origin = self.origin.as_deref().map(Origin::normalise).transpose();
        let default_agent = self.default_agent.as_deref().map(Handle::parse).transpose();
        if self.registry.is_empty() {
            return Err(Contradiction::NoRegistry);
        }
        if self.state_dir.as_os_str().is_empty() {
            return Err(Contradiction::NoStateDir);
        }
        if self.bootstrap_descriptor_urls.len() > BOOTSTRAP_URLS_MAX {
            return Err(Contradiction::Bootstrap(BOOTSTRAP_URLS_MAX));
        }
        for url in self.registry.iter().chain(&self.events_endpoint) {
            Origin::normalise(url).map_err(|_| Contradiction::Url(url.clone()))?;
        }
        self.bounds.check()?;
        self.upstreams.check()?;
        webhooks::check(&self.webhooks)?;
        Ok(Checked {
            id,
            origin: origin.map_err(Contradiction::Origin)?,
            default_agent: default_agent.map_err(Contradiction::DefaultAgent)?,
            cors: Cors::read(&self.cors_origins).map_err(Contradiction::Cors)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Config {
        Config {
            id: "g1".to_owned(),
            registry: vec!["http://127.0.0.1:1".to_owned()],
            state_dir: PathBuf::from("state"),
            ..Config::default()
        }
    }

    #[test]
    fn each_contradiction_is_named() {
        assert!(full().checked().is_ok());
        let refused = |change: fn(&mut Config)| {
            let mut config = full();
            change(&mut config);
            config.checked().err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(|config| config.id = "G 1".to_owned()), "id");
        assert_eq!(refused(|config| config.origin = Some("b.example".to_owned())), "origin");
        assert_eq!(refused(|config| config.default_agent = Some(String::new())), "default_agent");
        assert!(refused(|config| config.registry.clear()).starts_with("registry"));
        assert!(refused(|config| config.state_dir = PathBuf::new()).starts_with("state_dir"));
        assert!(
            refused(|config| config.registry = vec!["http://a/b".to_owned()])
                .contains("http://a/b")
        );
        let url = refused(|config| config.events_endpoint = Some("127.0.0.1:1".to_owned()));
        assert!(url.contains("127.0.0.1:1"));
        let page = refused(|config| config.cors_origins = vec!["app.example".to_owned()]);
        assert!(page.starts_with("cors_origins: `app.example`"), "{page}");
        let proxies = refused(|config| config.proxy_protocol = true);
        assert!(proxies.starts_with("proxy_protocol = true needs trusted_proxies"), "{proxies}");
        let bound = refused(|config| config.bounds.waiting_max = 0);
        assert!(bound.contains("bounds.waiting_max"), "{bound}");
        let bound = refused(|config| config.bounds.call_bytes_max = Bytes::from_kib(1024));
        assert!(bound.contains("bounds.call_bytes_max"), "{bound}");
        let upstream = refused(|config| config.upstreams.timeout = Duration::from_secs(0));
        assert!(upstream.contains("upstreams.timeout"), "{upstream}");
    }
}
