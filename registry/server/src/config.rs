//! The settings of a registry member: their defaults, and which contradict each other. A setting names the file of a
//! secret, never the secret.

pub mod admission;
mod bounds;
mod contradiction;
mod log;
mod outbound;
mod retention;
mod transport;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub use self::admission::Admission;
pub use self::bounds::{Bounds, Cluster};
pub use self::contradiction::Contradiction;
pub use self::log::{Log, Witness};
pub use self::outbound::{Crawler, DomainProofs, Federation};
pub use self::retention::{Join, Retention};
use deploy_service::config::mismatch;
use deploy_service::listen::check_proxies;
use deploy_service::settings::Setting;
use deploy_service::telemetry::Otlp;
use deploy_service::tls::ServerFiles;
use deploy_service::units::Duration;
use deploy_service::{Limits, Network, Security, config, secret, telemetry};
use proto_types::{Kid, Origin};
use registry_raft::ClusterSecret;
use serde::Deserialize;

/// The configuration of one member.
#[derive(Clone, Debug, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Its number in the cluster; never used again for another member.
    pub id: u64,
    /// Where it listens; without `tls` on loopback only. Port 0 asks for a free one.
    pub listen: SocketAddr,
    /// The base URL under which the others reach it; by default the address it listens on.
    pub advertise: Option<String>,
    /// Log, state and snapshots.
    pub data_dir: PathBuf,
    /// The origin under which this registry is known: what federation tokens for it are for. Without
    /// it no peer can call by name.
    pub origin: Option<String>,
    /// The voters of a new cluster, number to base URL, this one among them; empty for a cluster of
    /// this member alone.
    pub members: BTreeMap<String, String>,
    /// Whether a new cluster may be made of `members`.
    pub bootstrap: bool,
    /// How an empty member gets into a cluster that exists; it makes none then.
    pub join: Option<Join>,
    /// What the members show each other.
    pub cluster_secret_file: PathBuf,
    /// What an operator shows.
    pub operator_token_file: PathBuf,
    /// The Ed25519 key that signs roster and catalog: its seed in 64 hexadecimal digits, or a private JWK.
    pub signing_key_file: PathBuf,
    /// The name of that key.
    pub signing_kid: String,
    /// The folder of the artifacts; the members of one cluster share it. By default beside the data.
    pub artifacts: Option<PathBuf>,
    /// How long a node may be silent before its tasks are placed again; where leadership moves meanwhile, two and a quarter
    /// times as long at most. A node that hears no leader ends them itself when a quarter of it is left.
    pub lease_ttl: Duration,
    /// The certificate of this member (`.../registry/<id>`), and in `client_ca` the authority of all
    /// members, gateways and nodes: `{ cert = "..", key = "..", client_ca = ".." }`.
    pub tls: Option<ServerFiles>,
    /// Whether the cluster's traffic goes in clear text, which stays on loopback. One of `tls` and
    /// this has to be chosen.
    pub plain_loopback: bool,
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
    /// What clients may use up.
    pub limits: Limits,
    /// What calls may use up.
    pub bounds: Bounds,
    /// How the cluster behaves.
    pub cluster: Cluster,
    /// Where this process may fetch from.
    pub fetch: registry_fetch::Config,
    /// Whether hosts are asked to vouch for peers.
    pub domain_proofs: DomainProofs,
    /// Whether and how the leader asks after peers and agents.
    pub crawler: Crawler,
    /// How the leader pulls from other registries.
    pub federation: Federation,
    /// The transparency log and its witnesses.
    pub log: Log,
    /// How long what is past is kept.
    pub retention: Retention,
    /// What is demanded of records and cards.
    pub admission: Admission,
    /// Where traces and the log go besides.
    pub telemetry: Otlp,
}

impl Default for Config {
    #[rustfmt::skip]
    fn default() -> Self {
        Self {
            id: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7400)),
            advertise: None,
            origin: None,
            data_dir: PathBuf::from("data/registry"),
            members: BTreeMap::new(),
            bootstrap: true,
            join: None,
            cluster_secret_file: PathBuf::from("secrets/cluster"),
            operator_token_file: PathBuf::from("secrets/operator"),
            signing_key_file: PathBuf::from("secrets/registry-signing"),
            signing_kid: "registry-catalog".to_owned(),
            artifacts: None,
            lease_ttl: Duration::from_secs(10),
            tls: None,
            plain_loopback: false,
            addr_file: None, log_filter: None,
            trusted_proxies: Vec::new(), proxy_protocol: false,
            limits: Limits::default(),
            bounds: Bounds::default(),
            cluster: Cluster::default(),
            fetch: registry_fetch::Config::default(),
            domain_proofs: DomainProofs::default(),
            crawler: Crawler::default(), federation: Federation::default(),
            log: Log::default(), retention: Retention::default(),
            admission: Admission::default(), telemetry: Otlp::default(),
        }
    }
}

impl config::Role for Config {
    const NAME: &'static str = "registry";
    const CHOSEN: &'static [(&'static str, &'static str)] = &[("plain_loopback", "true")];

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
        self.id.to_string()
    }

    fn contradiction(&self) -> Option<String> {
        self.validate().err().map(|contradiction| telemetry::chain(&contradiction))
    }

    fn mismatches(&self) -> Vec<String> {
        let secret = secret::read(&self.cluster_secret_file);
        let secret = secret.ok().map(|secret| ClusterSecret::new(secret.expose()));
        let secret = secret.and_then(|made| mismatch("cluster_secret_file", made));
        let tls = mismatch("tls", Security::open(self.tls.clone()));
        tls.into_iter().chain(secret).collect()
    }
}

/// Shorter ones are lost in a pause of the scheduler; tests use no less.
const LEASE_TTL_MIN: Duration = Duration::from_millis(200);

/// A dead node's tasks wait this long.
const LEASE_TTL_MAX: Duration = Duration::from_secs(600);

impl Config {
    /// Checks the settings against each other; call it once, after loading.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn validate(&self) -> Result<(), Contradiction> {
        self.limits.validate()?;
        check_proxies(&self.trusted_proxies, self.proxy_protocol)?;
        self.log.validate()?;
        if !(LEASE_TTL_MIN..=LEASE_TTL_MAX).contains(&self.lease_ttl) {
            return Err(Contradiction::LeaseTtl(self.lease_ttl));
        }
        self.check_bounds()?;
        if self.domain_proofs.look_every.std().is_zero() {
            return Err(Contradiction::Zero("domain_proofs.look_every"));
        }
        outbound::check_loopback(self)?;
        self.retention.validate()?;
        self.own_origin()?;
        Kid::parse(&self.signing_kid).map_err(Contradiction::SigningKid)?;
        self.admission.validate()?;
        let members = self.numbered_members()?;
        if let Some(join) = &self.join
            && (join.seeds.is_empty() || !members.is_empty())
        {
            return Err(Contradiction::Join);
        }
        if !members.is_empty() && !members.contains_key(&self.id) {
            return Err(Contradiction::NotAMember(self.id));
        }
        self.check_transport()
    }

    fn check_bounds(&self) -> Result<(), Contradiction> {
        let bounds = [
            ("bounds.watchers_max", self.bounds.watchers_max),
            ("bounds.sessions_max", self.bounds.sessions_max),
            ("bounds.uploads_max", self.bounds.uploads_max),
            ("bounds.artifact_bytes_max", self.bounds.artifact_bytes_max.as_usize()),
            ("bounds.block_cache_bytes", self.bounds.block_cache_bytes.as_usize()),
            ("bounds.source_requests_per_second", self.bounds.source_requests_per_second as usize),
            ("bounds.source_burst", self.bounds.source_burst as usize),
            ("fetch.connections_max", self.fetch.connections_max),
            ("fetch.per_host_max", self.fetch.per_host_max),
            ("crawler.every", self.crawler.every.std().as_millis() as usize),
            ("crawler.probes_max", self.crawler.probes_max),
            ("crawler.targets_max", self.crawler.targets_max),
            ("federation.every", self.federation.every.std().as_millis() as usize),
            ("federation.pulls_max", self.federation.pulls_max),
        ];
        match bounds.iter().find(|(_, bound)| *bound == 0) {
            Some((name, _)) => Err(Contradiction::Zero(name)),
            None => Ok(()),
        }
    }

    /// The origin that federation tokens must be for.
    ///
    /// # Errors
    /// It is no origin.
    pub fn own_origin(&self) -> Result<Option<Origin>, Contradiction> {
        let parse = |text: &String| Origin::parse(text);
        let parsed = self.origin.as_ref().map(parse).transpose();
        parsed.map_err(|_| Contradiction::Origin(self.origin.clone().unwrap_or_default()))
    }

    /// The members by number.
    ///
    /// # Errors
    /// A key that is no number, or a URL that is none.
    pub fn numbered_members(&self) -> Result<BTreeMap<u64, String>, Contradiction> {
        let number = |(id, url): (&String, &String)| {
            let id = id.parse().map_err(|_| Contradiction::MemberId(id.clone()))?;
            Origin::parse(url).map_err(|_| Contradiction::MemberUrl(url.clone()))?;
            Ok((id, url.clone()))
        };
        self.members.iter().map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use deploy_service::listen::NoProxies;

    use super::*;

    #[test]
    fn contradictions_are_named() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config { plain_loopback: true, ..Config::default() };
            change(&mut config);
            config.validate()
        };
        assert_eq!(with(|_| ()), Ok(()));
        let members = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(id, url)| ((*id).to_owned(), (*url).to_owned())).collect()
        };
        let mut config = Config { members: members(&[("x", "http://a:1")]), ..Config::default() };
        assert_eq!(config.validate(), Err(Contradiction::MemberId("x".to_owned())));
        config.members = members(&[("1", "a:1/x")]);
        assert_eq!(config.validate(), Err(Contradiction::MemberUrl("a:1/x".to_owned())));
        config.members = members(&[("2", "http://a:1")]);
        assert_eq!(config.validate(), Err(Contradiction::NotAMember(1)));
        let short = with(|config| config.lease_ttl = Duration::from_millis(1));
        assert_eq!(short, Err(Contradiction::LeaseTtl(Duration::from_millis(1))));
        let unnamed = with(|config| config.signing_kid = String::new());
        assert!(matches!(unnamed, Err(Contradiction::SigningKid(_))), "{unnamed:?}");
        let proxies = with(|config| config.proxy_protocol = true);
        assert_eq!(proxies, Err(Contradiction::NoProxies(NoProxies)));
        let proxies = with(|config| {
            config.proxy_protocol = true;
            config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        });
        assert_eq!(proxies, Ok(()));
        let none = with(|config| config.bounds.watchers_max = 0);
        assert_eq!(none, Err(Contradiction::Zero("bounds.watchers_max")));
    }
}
