//! The start of a member: store, snapshots, state machine, consensus, and then, once, the cluster itself. A new cluster
//! is never made where there is data.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deploy_service::wait_until;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::forward::Forwarder;
use super::freshness::confirmed;
use super::status::{End, watch_end, watch_leadership};
use super::{Inner, Registry, found, leave, rejoin, scrub};
use crate::blank::Blank;
use crate::consensus_thread::ConsensusThread;
use crate::log::LogStore;
use crate::machine::{Machine, Published, Raft};
use crate::network::{Caller, Contact, Credentials, Peers};
use crate::observed;
use crate::proposer::Proposer;
use crate::read_index::ReadIndex;
use crate::recover::recover;
use crate::snapshot::Snapshots;
use crate::store_handle::{StoreHandle, blocking};
use crate::time::Time;
use crate::{Config, Error};

/// Consensus, and the thread that it runs on.
type Core = (Raft, ConsensusThread);

/// What is read from disk before consensus starts.
struct Opened {
    handle: Arc<StoreHandle>,
    published: Arc<Published>,
    snapshots: Arc<Snapshots>,
    time: Arc<Time>,
}

impl Opened {
    /// What consensus reads and writes.
    fn stores(&self) -> (LogStore, Machine) {
        let handle = || Arc::clone(&self.handle);
        let machine =
            Machine::new(handle(), Arc::clone(&self.published), Arc::clone(&self.snapshots));
        (LogStore::new(handle()), machine)
    }

    /// All that a handle needs.
    fn into_inner(self, config: &Config, core: Core, calls: Caller) -> Inner {
        let (raft, thread) = core;
        let contact = Arc::new(Contact::new());
        let mut tasks = attended(&raft, &calls, &self.time, &contact);
        let (proposer, reads, end) = beside((&raft, &thread), &self.time, &mut tasks);
        Inner {
            id: config.id,
            proposer,
            reads,
            leadership: watch_leadership(&raft, &mut tasks),
            end,
            reports: calls.reports(),
            credentials: calls.credentials().clone(),
            forwarder: Arc::new(Forwarder::new(calls)),
            notices: Arc::default(),
            silence_max: config.timings.election_max.saturating_mul(3),
            changing: tokio::sync::Mutex::new(()),
            contact,
            tasks: Mutex::new(tasks),
            raft,
            blank: Arc::new(Blank::new(Arc::clone(&self.handle), config.id, config.founder())),
            time: self.time,
            handle: self.handle,
            published: self.published,
            snapshots: self.snapshots,
            thread,
        }
    }
}

impl Registry {
    /// Starts a member. It takes part as soon as [`Registry::transport_service`] is served at its base URL.
    ///
    /// # Errors
    /// The configuration contradicts itself, the directory is in use or damaged.
    pub async fn start(config: Config, credentials: impl Into<Credentials>) -> Result<Self, Error> {
        let settings = Arc::new(config.openraft()?);
        let opened = open(&config).await?;
        let (log, machine) = opened.stores();
        let (published, time) = (Arc::clone(&opened.published), Arc::clone(&opened.time));
        let calls = Caller::new(credentials.into(), published, time);
        recover(&config, &opened.handle, &opened.snapshots, &calls).await?;
        let peers = Peers::new(config.id, calls.clone());
        let failed = |cause: &dyn std::fmt::Display| Error::Raft(cause.to_string());
        let thread = ConsensusThread::start(config.id).map_err(|cause| failed(&cause))?;
        let raft = thread.run(Raft::new(config.id, settings, peers, log, machine)).await;
        let raft = raft.map_err(|cause| failed(&cause))?.map_err(|cause| failed(&cause))?;
        begin(&raft, &config).await?;
        let founding = found::run(raft.clone(), calls.clone(), config.clone());
        let inner = Arc::new(opened.into_inner(&config, (raft, thread), calls.clone()));
        let mut tasks = inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(founding);
        tasks.spawn(rejoin::run(Arc::downgrade(&inner)));
        tasks.spawn(leave::run(Arc::downgrade(&inner), calls, config.id));
        tasks.spawn(scrub::run(Arc::downgrade(&inner)));
        drop(tasks);
        Ok(Self { inner })
    }
}

async fn open(config: &Config) -> Result<Opened, Error> {
    let (dir, member, options) = (config.dir.clone(), config.id, config.store.clone());
    let handle =
        tokio::task::spawn_blocking(move || StoreHandle::open(&dir, member, options)).await;
    let handle = Arc::new(handle.map_err(|cause| Error::Raft(cause.to_string()))??);
    let shared = Arc::clone(&handle);
    let rest = move || {
        let published = Arc::new(Published::new(Arc::clone(&shared))?);
        let snapshots = Arc::new(Snapshots::open(shared.store.dir())?);
        Ok((published, snapshots))
    };
    let (published, snapshots) =
        blocking(rest).await.map_err(|cause| Error::Raft(cause.to_string()))?;
    let time = Arc::new(Time::new(config.id, config.clock.clone(), Arc::clone(&published)));
    Ok(Opened { handle, published, snapshots, time })
}

/// Makes the cluster of a member that is alone, if nothing is there, and spares a lone voter the wait for an election.
async fn begin(raft: &Raft, config: &Config) -> Result<(), Error> {
    let failed = |cause: &dyn std::fmt::Display| Error::Raft(cause.to_string());
    let initialized = raft.is_initialized().await.map_err(|cause| failed(&cause))?;
    // Others are asked first, once they can be.
    if !initialized && config.founds() && config.members.len() == 1 {
        found::make(raft, &config.members).await?;
    }
    if initialized && raft.voter_ids().eq([config.id]) {
        raft.trigger().elect(false).await.map_err(|cause| failed(&cause))?;
    }
    Ok(())
}

/// What runs beside the core, on its thread.
fn beside(
    (raft, thread): (&Raft, &ConsensusThread),
    time: &Arc<Time>,
    tasks: &mut JoinSet<()>,
) -> (Proposer, ReadIndex, watch::Receiver<End>) {
    let (proposer, proposing) = Proposer::new(raft.clone(), Arc::clone(time));
    let (reads, confirming) = ReadIndex::new(raft.clone());
    let (end, watching) = watch_end(raft);
    thread.spawn(tasks, proposing);
    thread.spawn(tasks, confirming);
    thread.spawn(tasks, watching);
    (proposer, reads, end)
}

/// Has calls say what consensus knows, and consensus do what calls are told.
fn attended(raft: &Raft, calls: &Caller, time: &Arc<Time>, contact: &Arc<Contact>) -> JoinSet<()> {
    let (metrics, contact) = (observed::metrics(raft), Arc::clone(contact));
    // It is asked with every heartbeat.
    calls.confirm_by(Box::new(move || {
        metrics.now(confirmed).inspect(|known| contact.lead(known.ago))
    }));
    let metrics = observed::server_metrics(raft);
    time.voters_by(Box::new(move || {
        metrics.now(|metrics| metrics.membership_config.membership().voter_ids().collect())
    }));
    let mut tasks = JoinSet::new();
    tasks.spawn(stand(raft.clone(), calls.reports().watch(), Arc::clone(time)));
    tasks
}

/// How often a member looks at its own clock. Arbitrary; shorter than a lease.
const CLOCK_PAUSE: Duration = Duration::from_secs(1);

/// Who stands for election: a member that was removed does not, since the others would refuse it each time, nor does one
/// whose clock is far from the others', as long as there is a leader that says so.
async fn stand(raft: Raft, mut removed: watch::Receiver<bool>, time: Arc<Time>) {
    let mut look = tokio::time::interval(CLOCK_PAUSE);
    let mut stands = true;
    loop {
        tokio::select! {
            gone = wait_until(&mut removed, |removed| *removed) => match gone {
                Ok(_) => break,
                Err(_) => return,
            },
            _ = look.tick() => {}
        }
        let back = time.stands_back();
        if let (true, Some(offset_ms)) = (back, time.own_offset()) {
            tracing::warn!(
                offset_ms,
                "this member's clock is far from the others': it does not lead"
            );
        }
        if std::mem::replace(&mut stands, !back) == back {
            raft.runtime_config().elect(!back);
        }
    }
    raft.runtime_config().elect(false);
}
