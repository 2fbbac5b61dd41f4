//! The role from start to stop.
//!
//! It decides the order: secrets, listener, consensus, then service; and at the end the reverse. It
//! must never serve before its state is open, nor end while an answer is under way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deploy_service::{Drained, Readiness, Shutdown, listen, secret, serve};
use proto_types::{Kid, Revision, SecretKey};
use proto_wire::registry::v1::directory_server::DirectoryServer;
use proto_wire::registry::v1::fleet_server::FleetServer;
use proto_wire::registry::v1::partners_server::PartnersServer;
use registry_api::OperatorSecret;
use registry_fetch::Fetcher;
use registry_raft::{Clock, ClusterSecret, Registry, Timings};
use tokio::sync::Semaphore;
use tonic_health::server::HealthReporter;

use crate::artifacts::Artifacts;
use crate::config::{Config, Contradiction};
use crate::crawler;
use crate::federation;
use crate::fleet::{self, Fleet};
use crate::front::Front;
use crate::grpc::{DirectoryService, FleetService, PartnersService};
use crate::leader::LeaderLine;
use crate::member::{DOUBTS_MAX, Member, Signer};

/// Why a member does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that cannot hold together.
    #[error("the configuration contradicts itself")]
    Config(#[from] Contradiction),
    /// A secret file.
    #[error("a secret cannot be read")]
    Secret(#[from] secret::Error),
    /// The signing key's file does not hold a key.
    #[error("{0} does not hold 64 lower-case hexadecimal digits")]
    SigningKey(PathBuf),
    /// The key's name is none.
    #[error("signing_kid")]
    SigningKid(#[source] proto_types::id::Error),
    /// The listener.
    #[error("there is no listener")]
    Listen(#[from] listen::Error),
    /// The folder of the artifacts.
    #[error("the artifacts' folder {path} cannot be opened")]
    Artifacts {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Outbound fetches.
    #[error("nothing can be fetched")]
    Fetch(#[from] registry_fetch::config::Error),
    /// Consensus.
    #[error("the member does not start")]
    Raft(#[from] registry_raft::Error),
    /// Our own descriptors do not load; a defect of the build.
    #[error("the service descriptors do not load")]
    Descriptors(#[from] tonic_reflection::server::Error),
}

/// How a run went.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Where it listened.
    pub addr: SocketAddr,
    /// How its last requests ended.
    pub drained: Drained,
    /// The last revision of its state.
    pub revision: Revision,
}

/// Runs a member until `shutdown`.
///
/// # Errors
/// It could not start; once it has started it runs until it is told to stop.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Summary, Error> {
    config.validate()?;
    let readiness = Readiness::new(shutdown.clone());
    let (listener, addr) = listen::bind(config.listen, config.addr_file.as_deref()).await?;
    let fetcher = Fetcher::new(&config.fetch)?;
    let member = Arc::new(open(&config, addr, shutdown.clone()).await?);
    let (front, reporter) = Front::new(Arc::clone(&member), &readiness).await?;
    let fleet = tokio::spawn(fleet::lead(Arc::clone(&member)));
    let abroad = tokio::spawn(abroad(Arc::clone(&member), fetcher, config.clone()));
    let watcher = tokio::spawn(watch_leader(member.registry.clone(), readiness));
    let leaving = tokio::spawn(leave(Arc::clone(&member), reporter));
    let drained = serve(listener, front, config.limits.clone(), shutdown.clone()).await;

    // They end with the wish to stop; a panic in one of them is logged by the runtime.
    let _ = tokio::join!(fleet, leaving, abroad);
    watcher.abort();
    member.registry.stop().await;
    Ok(Summary { addr, drained, revision: member.registry.applied() })
}

/// What the leader does at other hosts.
async fn abroad(member: Arc<Member>, fetcher: Fetcher, config: Config) {
    let crawling = crawler::lead(Arc::clone(&member), fetcher.clone(), config.crawler);
    tokio::join!(crawling, federation::lead(member, fetcher, config.federation));
}

/// Opens everything that calls share.
async fn open(config: &Config, addr: SocketAddr, shutdown: Shutdown) -> Result<Member, Error> {
    let operator = secret::read(&config.operator_token_file)?;
    let cluster = secret::read(&config.cluster_secret_file)?;
    let signer = signer(&config.signing_key_file, &config.signing_kid)?;
    let folder = config.artifacts.clone().unwrap_or_else(|| config.data_dir.join("artifacts"));
    let bounds = &config.bounds;
    let artifacts =
        Artifacts::open(&folder, bounds.artifact_bytes_max.as_usize(), bounds.uploads_max)
            .map_err(|source| Error::Artifacts { path: folder, source })?;
    let clock = Clock::system();
    let raft = raft(config, addr, clock.clone())?;
    let registry = Registry::start(raft, ClusterSecret::new(cluster.expose())?).await?;
    Ok(Member {
        registry,
        operator: OperatorSecret::new(operator.expose()),
        artifacts,
        signer,
        clock,
        shutdown,
        fleet: Fleet::new(config.lease_ttl.std(), bounds.sessions_max),
        line: LeaderLine::default(),
        waits: Arc::new(Semaphore::new(bounds.watchers_max)),
        doubts: Semaphore::new(DOUBTS_MAX),
        propose_timeout: bounds.propose_timeout.std(),
    })
}

fn raft(
    config: &Config,
    addr: SocketAddr,
    clock: Clock,
) -> Result<registry_raft::Config, Contradiction> {
    let mut members = config.numbered_members()?;
    if members.is_empty() {
        let own = config.advertise.clone().unwrap_or_else(|| format!("http://{addr}"));
        members = BTreeMap::from([(config.id, own)]);
    }
    let mut raft = registry_raft::Config::new(config.id, &config.data_dir, members);
    raft.bootstrap = config.bootstrap;
    raft.timings = Timings {
        heartbeat: config.cluster.heartbeat.std(),
        election_min: config.cluster.election_min.std(),
        election_max: config.cluster.election_max.std(),
    };
    raft.snapshot_every_logs = config.cluster.snapshot_every_logs;
    raft.logs_kept = config.cluster.logs_kept;
    raft.clock = clock;
    Ok(raft)
}

fn signer(path: &Path, kid: &str) -> Result<Signer, Error> {
    let malformed = || Error::SigningKey(path.to_owned());
    let text = secret::read(path)?;
    let seed = seed(text.expose()).ok_or_else(malformed)?;
    let kid = Kid::parse(kid).map_err(Error::SigningKid)?;
    Ok(Signer { kid, key: SecretKey::from_seed(&seed) })
}

/// 32 bytes in lower-case hexadecimal digits: the spelling of a digest without its prefix.
fn seed(text: &str) -> Option<[u8; 32]> {
    proto_types::Digest::parse(&format!("sha256:{text}")).ok().map(|digest| digest.0)
}

/// Readiness follows whether a leader is known: without one no write and no strong read is served.
async fn watch_leader(registry: Registry, readiness: Readiness) {
    let known = readiness.condition("leader");
    let mut leadership = registry.leadership();
    loop {
        known.set(leadership.borrow_and_update().leader.is_some());
        if leadership.changed().await.is_err() {
            known.set(false);
            return;
        }
    }
}

/// How long a planned stop waits for another leader: a heartbeat or two.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(1);

/// What a wish to stop begins with: health goes down, and leadership goes to another voter, which
/// spares the cluster an election.
async fn leave(member: Arc<Member>, reporter: HealthReporter) {
    member.shutdown.triggered().await;
    reporter.set_not_serving::<DirectoryServer<DirectoryService>>().await;
    reporter.set_not_serving::<FleetServer<FleetService>>().await;
    reporter.set_not_serving::<PartnersServer<PartnersService>>().await;
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    let registry = &member.registry;
    let other = registry.status().members.into_keys().find(|id| *id != registry.id());
    let Some(other) = other.filter(|_| registry.is_leader()) else { return };
    let handed = tokio::time::timeout(HAND_OVER_TIMEOUT, registry.hand_over(other)).await;
    tracing::info!(to = other, done = matches!(handed, Ok(Ok(()))), "leadership is handed over");
}
