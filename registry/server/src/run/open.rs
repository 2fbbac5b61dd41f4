//! Everything that is opened before a member serves, in order: its secrets, its keys, its store. What a secret file holds
//! is never logged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use deploy_service::tls::Connector;
use deploy_service::{Pool, Shutdown, SourceLimit, private, secret, signing_key};
use proto_types::{Kid, Origin, Shares};
use registry_api::OperatorSecret;
use registry_raft::{ClusterSecret, Credentials, Registry, Timings};
use tokio::sync::Semaphore;

use crate::admission::AdmissionPolicy;
use crate::allowance::Sources;
use crate::artifacts::Artifacts;
use crate::audit::Refusals;
use crate::config::{Admission, Config, Contradiction};
use crate::enrolment::EnrolmentLimiter;
use crate::fleet::{Fleet, prepare, take_notices};
use crate::leader::LeaderLine;
use crate::log::TransparencyLog;
use crate::member::{CredentialLookups, Member, WRITE_SHARES};
use crate::pdp::DecisionPoint;
use crate::roster::{Roster, Signer};
use crate::search;

use super::{Error, own_url};

/// Opens everything that calls share.
pub(super) async fn open(
    config: &Config,
    means: Means,
    addr: SocketAddr,
    shutdown: Shutdown,
) -> Result<Arc<Member>, Error> {
    let connector = Connector::maybe(config.client_files())?;
    let registry = registry(config, addr, &connector).await?;
    let member = Arc::new(member(config, means, &connector, (registry, shutdown)));
    member.registry.prepare_by(prepare(&member));
    member.registry.notices_by(take_notices(&member));
    Ok(member)
}

/// What is read of the configuration's files.
pub(super) struct Means {
    operator: OperatorSecret,
    origin: Option<Origin>,
    admission_policy: AdmissionPolicy,
    artifacts: Artifacts,
    signer: Arc<Signer>,
    log: TransparencyLog,
}

impl Means {
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            operator: OperatorSecret::new(secret::read(&config.operator_token_file)?.expose()),
            log: transparency_log(config)?,
            artifacts: artifacts(config)?,
            origin: config.own_origin()?,
            admission_policy: admission_policy(&config.admission)?,
            signer: Arc::new(signer(&config.signing_key_file, &config.signing_kid)?),
        })
    }
}

fn member(
    config: &Config,
    means: Means,
    connector: &Connector,
    (registry, shutdown): (Registry, Shutdown),
) -> Member {
    Member {
        operator: means.operator,
        origin: means.origin,
        admission_policy: means.admission_policy,
        artifacts: means.artifacts,
        signer: means.signer,
        log: means.log,
        refusals: Refusals::new(registry.clone()),
        log_open: AtomicBool::default(),
        shutdown,
        fleet: fleet(config, &registry),
        line: LeaderLine::new(connector),
        writes: Pool::new(WRITE_SHARES),
        waits: Pool::new(Shares::new(config.bounds.watchers_max as u64)),
        credential_lookups: CredentialLookups::new(),
        enrolment_limiter: EnrolmentLimiter::new(),
        searches: search::places(),
        roster: Roster::default(),
        upkeep: Arc::new(Semaphore::new(1)),
        propose_timeout: config.bounds.propose_timeout.std(),
        clock: registry.clock(),
        registry,
    }
}

fn fleet(config: &Config, registry: &Registry) -> Fleet {
    let (ttl, sessions_max) = (config.lease_ttl.std(), config.bounds.sessions_max);
    Fleet::new(registry.subscribe_effects(), ttl, sessions_max)
}

/// Joins the cluster, or makes it; the last that can fail.
async fn registry(
    config: &Config,
    addr: SocketAddr,
    connector: &Connector,
) -> Result<Registry, Error> {
    let cluster = secret::read(&config.cluster_secret_file)?;
    let unusable = |source| Error::DataDir { path: config.data_dir.clone(), source };
    private::folder(&config.data_dir).map_err(unusable)?;
    let raft = raft(config, addr)?;
    let credentials = credentials(config, cluster.expose(), connector)?;
    Ok(Registry::start(raft, credentials).await?)
}

fn artifacts(config: &Config) -> Result<Artifacts, Error> {
    let folder = config.artifacts.clone().unwrap_or_else(|| config.data_dir.join("artifacts"));
    let bytes_max = config.bounds.artifact_bytes_max.as_usize();
    let opened = Artifacts::open(&folder, bytes_max, config.bounds.uploads_max);
    opened.map_err(|source| Error::Artifacts { path: folder, source })
}

fn credentials(config: &Config, secret: &str, connector: &Connector) -> Result<Credentials, Error> {
    let secret = ClusterSecret::new(secret)?;
    match config.tls {
        Some(_) => Ok(Credentials::mutual(config.id, secret, connector.clone())?),
        None => Ok(secret.into()),
    }
}

pub(super) fn sources(config: &Config) -> Sources {
    let bounds = &config.bounds;
    let limit = SourceLimit::new(bounds.source_requests_per_second, bounds.source_burst);
    Sources { limit }
}

fn admission_policy(admission: &Admission) -> Result<AdmissionPolicy, Error> {
    let point = admission.decision_point.as_ref().map(DecisionPoint::open).transpose()?;
    Ok(AdmissionPolicy { rules: admission.rules()?, decision_point: point })
}

fn raft(config: &Config, addr: SocketAddr) -> Result<registry_raft::Config, Contradiction> {
    let mut members = config.numbered_members()?;
    if members.is_empty() {
        members = BTreeMap::from([(config.id, own_url(config, addr))]);
    }
    let mut raft = registry_raft::Config::new(config.id, &config.data_dir, members);
    raft.bootstrap = config.bootstrap && config.join.is_none();
    raft.timings = Timings {
        heartbeat: config.cluster.heartbeat.std(),
        election_min: config.cluster.election_min.std(),
        election_max: config.cluster.election_max.std(),
    };
    raft.snapshot_every_logs = config.cluster.snapshot_every_logs;
    raft.logs_kept = config.cluster.logs_kept;
    raft.store.block_cache_bytes = config.bounds.block_cache_bytes.as_usize();
    Ok(raft)
}

/// The keys of the log, and of this cluster as a witness.
fn transparency_log(config: &Config) -> Result<TransparencyLog, Error> {
    let path = config.log.key_file.as_ref().unwrap_or(&config.signing_key_file);
    let witness = config.log.witness_key_file.as_deref().map(signing_key::read).transpose()?;
    Ok(TransparencyLog::new(&config.log, signing_key::read(path)?, witness)?)
}

fn signer(path: &Path, kid: &str) -> Result<Signer, Error> {
    let kid = Kid::parse(kid).map_err(Error::SigningKid)?;
    Ok(Signer { kid, key: signing_key::read(path)? })
}
