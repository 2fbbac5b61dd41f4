//! The role from start to stop, in order: what files hold, listener, consensus, service; then the reverse. A member whose
//! disk failed begins again once the disk is good. It never serves before its state is open, nor ends while an answer is
//! under way.

mod lifecycle;
mod open;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deploy_service::tls::{self, Connector, Role};
use deploy_service::{
    Drained, Listener, Readiness, Security, Shutdown, TrustedProxies, listen, secret, serve,
    signing_key, telemetry,
};
use proto_types::Revision;
use proto_wire::registry::v1 as wire;
use registry_fetch::Fetcher;
use tokio::task::{JoinHandle, JoinSet};
use tonic_health::server::HealthReporter;

use self::lifecycle::{leave, repaired, watch_readiness};
use self::open::{Means, open, sources};
use crate::compare;
use crate::config::{Config, Contradiction};
use crate::fleet;
use crate::front::Front;
use crate::housekeeping;
use crate::join::{self, JoinRequest};
use crate::log::collect::{self, Witnesses};
use crate::member::Member;
use crate::peers;
use crate::recovery::Pace;
use crate::{crawler, federation};

/// Why a member does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that cannot hold together.
    #[error("the configuration contradicts itself")]
    Config(#[from] Contradiction),
    /// A secret file.
    #[error("a secret cannot be read")]
    Secret(#[from] secret::Error),
    /// The file of a key that signs.
    #[error("a key that signs cannot be used")]
    SigningKey(#[from] signing_key::Error),
    /// The key's name is none.
    #[error("signing_kid")]
    SigningKid(#[source] proto_types::id::Error),
    /// Certificates.
    #[error("TLS cannot be set up")]
    Tls(#[from] tls::Error),
    /// What is demanded of records and cards.
    #[error("the admission")]
    Admission(#[from] crate::config::admission::Error),
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
    /// The folder of the state.
    #[error("the data folder {path} cannot be used")]
    DataDir {
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
    /// The store of a failed disk is held open by a reader that does not end.
    #[error("the failed store cannot be closed")]
    StillOpen,
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

/// Runs a member until `shutdown`. A member whose disk fails serves reads until the disk takes
/// writes again, and starts anew then, on the same address.
///
/// # Errors
/// It could not start; once it has started it runs until it is told to stop.
pub async fn run(mut config: Config, shutdown: Shutdown) -> Result<Summary, Error> {
    config.validate()?;
    let mut pace = Pace::new();
    let mut started_once = false;
    loop {
        let began = Instant::now();
        match run_once(&config, &shutdown).await {
            Ok(Ended::Stopped(summary)) => return Ok(summary),
            Ok(Ended::DiskFailed(addr)) => {
                // Port 0 would ask for another one.
                config.listen = addr;
                started_once = true;
                pace.held(began.elapsed());
                tracing::info!("the disk takes writes again: the member starts anew");
            }
            Err(Error::Raft(error)) if started_once && !shutdown.is_triggered() => {
                let error = telemetry::chain(&error);
                tracing::error!(error, "the member does not start yet");
                tokio::select! {
                    () = pace.wait() => {}
                    () = shutdown.triggered() => {}
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// How a run ended.
enum Ended {
    /// It was told to stop.
    Stopped(Summary),
    /// Its disk failed, and is good again.
    DiskFailed(SocketAddr),
}

/// The one socket, who is believed there about others, and that the system's own roles find a place.
async fn listener(config: &Config) -> Result<(Listener, SocketAddr), Error> {
    let security = Security::open(config.tls.clone())?;
    let bound = listen::bind(config.listen, config.addr_file.as_deref(), security).await?;
    let listener = bound.0.trusting(TrustedProxies::new(&config.trusted_proxies));
    Ok((listener.with_proxy_protocol(config.proxy_protocol).keeping_places(), bound.1))
}

/// From opening the store to closing it.
async fn run_once(config: &Config, shutdown: &Shutdown) -> Result<Ended, Error> {
    // The member's own: it ends with the process's, or alone when the store must be opened anew.
    let ending = Shutdown::new();
    let readiness = Readiness::new(shutdown.clone());
    let (fetcher, witnesses) = (Fetcher::new(&config.fetch)?, Witnesses::open(&config.log)?);
    let means = Means::open(config)?;
    let (listener, addr) = listener(config).await?;
    let member = open(config, means, addr, ending.clone()).await?;
    tell_keys(&member);
    let (front, reporter) = Front::new(Arc::clone(&member), &readiness, sources(config)).await?;
    let mut tasks = tasks(&member, config, witnesses, join_request(config, addr)?, reporter);
    outbound(&mut tasks, &member, config, &fetcher)?;
    tasks.spawn(compare::run(Arc::clone(&member), readiness.clone()));
    let watcher = tokio::spawn(watch_readiness(member.registry.clone(), &readiness));
    let served = serve(listener, front, config.limits.clone(), ending.clone());
    let drained = tokio::select! {
        drained = served => Some(drained),
        () = pass_on(shutdown, &ending) => None,
        () = repaired(&member.registry, config, &readiness) => None,
    };
    ending.trigger();
    ended(tasks, watcher).await;
    member.registry.stop().await;
    let revision = member.registry.applied();
    match drained {
        Some(drained) => Ok(Ended::Stopped(Summary { addr, drained, revision })),
        None => close(member).await.map(|()| Ended::DiskFailed(addr)),
    }
}

/// Tasks end with the order to stop; a panic in one of them is logged by the runtime.
async fn ended(mut tasks: JoinSet<()>, watcher: JoinHandle<()>) {
    while tasks.join_next().await.is_some() {}
    watcher.abort();
    let _ = watcher.await;
}

/// What an operator copies to those who verify the log.
fn tell_keys(member: &Member) {
    tracing::info!(key = %member.log.key(), "checkpoints are verified with this key");
    if let Some(key) = member.log.witness_key() {
        tracing::info!(%key, "cosignatures are verified with this key");
    }
}

/// What ends by itself with the member.
fn tasks(
    member: &Arc<Member>,
    config: &Config,
    witnesses: Witnesses,
    request: Option<JoinRequest>,
    reporter: HealthReporter,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(fleet::lead(Arc::clone(member)));
    tasks.spawn(housekeeping::keep(Arc::clone(member), config.retention.clone()));
    tasks.spawn(leave(Arc::clone(member), reporter));
    tasks.spawn(collect::run(Arc::clone(member), witnesses));
    if let Some(request) = request {
        tasks.spawn(join::join(Arc::clone(member), request));
    }
    tasks
}

/// What the leader does at other hosts.
fn outbound(
    tasks: &mut JoinSet<()>,
    member: &Arc<Member>,
    config: &Config,
    fetcher: &Fetcher,
) -> Result<(), Error> {
    let proofs = &config.domain_proofs;
    let asks = proofs.enabled.then(|| fetcher.clone());
    tasks.spawn(peers::lead(Arc::clone(member), asks, proofs.look_every));
    tasks.spawn(crawler::lead(Arc::clone(member), fetcher.clone(), config.crawler.clone()));
    let partners = federation::Partners {
        member: Arc::clone(member),
        fetcher: fetcher.clone(),
        settings: config.federation.clone(),
        own: config.own_origin()?,
    };
    tasks.spawn(federation::lead(partners));
    Ok(())
}

/// Has the member end when the process is told to. Never resolves.
async fn pass_on(shutdown: &Shutdown, ending: &Shutdown) {
    shutdown.triggered().await;
    ending.trigger();
    std::future::pending().await
}

/// How long the last readers of a failed store may take to let go.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until nobody holds the store open.
async fn close(member: Arc<Member>) -> Result<(), Error> {
    let closed = member.registry.closed();
    drop(member);
    tokio::time::timeout(CLOSE_TIMEOUT, closed).await.map_err(|_| Error::StillOpen)
}

/// What this member has to ask for, if it is to join a cluster.
fn join_request(config: &Config, addr: SocketAddr) -> Result<Option<JoinRequest>, Error> {
    let Some(join) = &config.join else { return Ok(None) };
    let connector = Connector::maybe(config.client_files())?.to(Role::Registry);
    let message = wire::JoinRequest {
        id: config.id,
        address: own_url(config, addr),
        token: secret::read(&join.token_file)?.expose().to_owned(),
        promote: join.promote,
    };
    Ok(Some(JoinRequest { message, seeds: join.seeds.clone(), connector }))
}

fn own_url(config: &Config, addr: SocketAddr) -> String {
    config.advertise.clone().unwrap_or_else(|| format!("{}://{addr}", config.scheme()))
}
