//! How a member comes up: store, snapshots, state machine, consensus, and then, once, the cluster itself.
//! It must never make a new cluster where there is data.

use std::sync::{Arc, Mutex};

use openraft::BasicNode;
use openraft::errors::{InitializeError, RaftError};
use tokio::task::JoinSet;

use super::forward::Forwarder;
use super::status::{confirmed, watch_leadership};
use super::{Inner, Registry};
use crate::home::Home;
use crate::log::LogStore;
use crate::machine::{Machine, Published, blocking};
use crate::network::{Caller, Contact, Credentials, Peers};
use crate::observed;
use crate::proposer::Proposer;
use crate::read_index::ReadIndex;
use crate::snapshot::Snapshots;
use crate::types::Raft;
use crate::{Config, Error};

/// What is read from disk before consensus starts.
struct Opened {
    home: Arc<Home>,
    published: Arc<Published>,
    snapshots: Arc<Snapshots>,
}

impl Opened {
    /// What consensus reads and writes.
    fn stores(&self) -> (LogStore, Machine) {
        let home = || Arc::clone(&self.home);
        let machine =
            Machine::new(home(), Arc::clone(&self.published), Arc::clone(&self.snapshots));
        (LogStore::new(home()), machine)
    }
}

impl Registry {
    /// Starts a member. It takes part as soon as [`Registry::transport_service`] is served at its base URL.
    ///
    /// # Errors
    /// The configuration contradicts itself, the directory is in use or damaged.
    pub async fn start(config: Config, credentials: impl Into<Credentials>) -> Result<Self, Error> {
        let credentials = credentials.into();
        let settings = Arc::new(config.openraft()?);
        let opened = open(&config).await?;
        let (log, machine) = opened.stores();
        let Opened { home, published, snapshots } = opened;
        let calls = Caller::new(credentials.clone(), Arc::clone(&published));
        let peers = Peers::new(config.id, calls.clone());
        let raft = founded(Raft::new(config.id, settings, peers, log, machine), &config).await?;
        let mut tasks = attended(&raft, &calls);
        let inner = Inner {
            id: config.id,
            proposer: Proposer::start(raft.clone(), config.clock, &mut tasks),
            reads: ReadIndex::start(raft.clone(), &mut tasks),
            leadership: watch_leadership(&raft, &mut tasks),
            standing: calls.standing(),
            forwarder: Forwarder::new(calls),
            silence_max: config.timings.election_max.saturating_mul(3),
            changing: tokio::sync::Mutex::new(()),
            contact: Arc::new(Contact::new()),
            tasks: Mutex::new(tasks),
            raft,
            home,
            published,
            snapshots,
            credentials,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

async fn open(config: &Config) -> Result<Opened, Error> {
    let (dir, options) = (config.dir.clone(), config.store.clone());
    let home = tokio::task::spawn_blocking(move || Home::open(&dir, options)).await;
    let home = Arc::new(home.map_err(|cause| Error::Raft(cause.to_string()))??);
    let shared = Arc::clone(&home);
    let rest = move || {
        let published = Arc::new(Published::new(Arc::clone(&shared))?);
        let snapshots = Arc::new(Snapshots::open(shared.store.dir())?);
        Ok((published, snapshots))
    };
    let (published, snapshots) =
        blocking(rest).await.map_err(|cause| Error::Raft(cause.to_string()))?;
    Ok(Opened { home, published, snapshots })
}

/// Makes the cluster if this member has to and nothing is there, and spares a lone voter the wait for an election.
async fn founded(
    raft: impl Future<Output = Result<Raft, impl std::fmt::Display>>,
    config: &Config,
) -> Result<Raft, Error> {
    let failed = |cause: &dyn std::fmt::Display| Error::Raft(cause.to_string());
    let raft = raft.await.map_err(|cause| failed(&cause))?;
    let initialized = raft.is_initialized().await.map_err(|cause| failed(&cause))?;
    if !initialized && config.founds() {
        let node = |(id, address): (&u64, &String)| (*id, BasicNode::new(address));
        let members: std::collections::BTreeMap<_, _> = config.members.iter().map(node).collect();
        match raft.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(cause) => return Err(failed(&cause)),
        }
    }
    if initialized && raft.voter_ids().eq([config.id]) {
        raft.trigger().elect(false).await.map_err(|cause| failed(&cause))?;
    }
    Ok(raft)
}

/// Has calls say what consensus knows, and consensus do what calls are told.
fn attended(raft: &Raft, calls: &Caller) -> JoinSet<()> {
    let metrics = observed::metrics(raft);
    calls.confirm_by(Box::new(move || metrics.now(confirmed)));
    let mut tasks = JoinSet::new();
    tasks.spawn(rest_once_removed(raft.clone(), calls.standing().watch()));
    tasks
}

/// A member that was removed stops asking for votes: the others would refuse it each time.
async fn rest_once_removed(raft: Raft, mut removed: tokio::sync::watch::Receiver<bool>) {
    if removed.wait_for(|removed| *removed).await.is_ok() {
        tracing::warn!("this member was removed from the cluster: it campaigns no more");
        raft.runtime_config().elect(false);
    }
}
