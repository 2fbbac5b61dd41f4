//! The handle of a member: propose, write, read, watch, stop.
//! It decides who answers, never what; it must never offer a way around the log. To propose is to do it here, as the leader;
//! to write is to have it done by the leader, wherever that is.

mod clocks;
mod forward;
mod found;
mod freshness;
mod leave;
mod membership;
mod notices;
mod rejoin;
mod scrub;
mod start;
mod status;
mod upkeep;
mod writes;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use deploy_service::wait_until;
use proto_types::Revision;
use proto_wire::raft::v1::raft_transport_server::RaftTransportServer;
use registry_core::change::Effect;
use registry_store::StoreView;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tonic::service::interceptor::InterceptedService;

use self::forward::Forwarder;
pub use self::membership::{ChangeError, LEARNERS_MAX};
pub use self::notices::TakeNotice;
use self::status::End;
pub use self::status::{LAG_MAX, Leadership, PeerStatus, Status};
pub use self::upkeep::SnapshotError;
use crate::blank::Blank;
use crate::consensus_thread::ConsensusThread;
use crate::machine::{Compared, Published, Raft, StateMark};
use crate::member_reports::MemberReports;
use crate::network::{Contact, Credentials};
use crate::observed;
use crate::proposer::{Proposer, leader};
use crate::read_index::ReadIndex;
use crate::snapshot::Snapshots;
use crate::store_handle::StoreHandle;
use crate::time::Time;
use crate::{MESSAGE_BYTES_MAX, MembersOnly, ReadError, Stopped, TransportService};

/// One member of the registry cluster. Clones are handles to the same member; dropping the last one kills it as a crash
/// would, [`Registry::stop`] ends it in order.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    raft: Raft,
    handle: Arc<StoreHandle>,
    published: Arc<Published>,
    snapshots: Arc<Snapshots>,
    proposer: Proposer,
    reads: ReadIndex,
    forwarder: Arc<Forwarder>,
    /// What is done with notices, which the service of the members does too.
    notices: Arc<OnceLock<TakeNotice>>,
    contact: Arc<Contact>,
    leadership: watch::Receiver<Leadership>,
    end: watch::Receiver<End>,
    credentials: Credentials,
    reports: Arc<MemberReports>,
    blank: Arc<Blank>,
    time: Arc<Time>,
    /// A voter that is silent for longer does not count as one that answers.
    silence_max: Duration,
    /// Held while the cluster is changed.
    changing: tokio::sync::Mutex<()>,
    /// Aborted with the last handle.
    tasks: Mutex<JoinSet<()>>,
    /// Ends after `tasks`, by the order of the fields.
    thread: ConsensusThread,
}

impl Registry {
    /// This member's number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// The newest state that this member has applied, with its revision. It may lag behind the leader's; see
    /// [`Registry::age`].
    #[must_use]
    pub fn view(&self) -> (StoreView, Revision) {
        self.inner.published.moment()
    }

    /// A state that holds every write acknowledged before this call, anywhere in the cluster.
    ///
    /// # Errors
    /// This member does not lead, or no majority confirms that it does.
    pub async fn strong(&self) -> Result<(StoreView, Revision), ReadError> {
        self.inner.reads.confirm().await?;
        match self.diverged() {
            Some(why) => Err(ReadError::Unavailable(why)),
            None => Ok(self.view()),
        }
    }

    /// A digest of everything that was written up to the newest entry with commands.
    #[must_use]
    pub fn state_mark(&self) -> Option<StateMark> {
        self.inner.published.marks().last()
    }

    /// Compares this member's state with the leader's at an entry. Once they differ, this member
    /// serves no strong read any more, until another state has taken the place of its own.
    #[must_use]
    pub fn compare(&self, leader: &StateMark) -> Compared {
        self.inner.published.marks().compare(leader)
    }

    /// What was found, if this member's state is not the leader's.
    #[must_use]
    pub fn diverged(&self) -> Option<String> {
        self.inner.published.marks().diverged()
    }

    /// How often the cluster was made anew from a backup; `None` until this member has a state.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.inner.published.epoch()
    }

    /// The revision of [`Registry::view`].
    #[must_use]
    pub fn applied(&self) -> Revision {
        self.view().1
    }

    /// Follows the applied revision. It never goes back while the member runs.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.inner.published.revisions()
    }

    /// Waits until this member has applied a revision.
    ///
    /// # Errors
    /// The member stopped before.
    pub async fn wait_applied(&self, revision: Revision) -> Result<(), Stopped> {
        let mut revisions = self.revisions();
        let mut leadership = self.inner.leadership.clone();
        tokio::select! {
            reached = wait_until(&mut revisions, |applied| *applied >= revision) => {
                reached.map(drop).map_err(|_| Stopped)
            }
            // Its task ends with the member.
            () = async { while leadership.changed().await.is_ok() {} } => Err(Stopped),
        }
    }

    /// What the state machine wants done, as this member proposes it. A subscriber that lags loses the oldest, and finds
    /// them again by a scan of the state.
    #[must_use]
    pub fn subscribe_effects(&self) -> broadcast::Receiver<Effect> {
        self.inner.published.effects()
    }

    /// Whether this member takes itself for the leader. Only [`Registry::strong`] proves it.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.inner.raft.is_leader()
    }

    /// Who leads, and at which base URL, as far as this member knows. Nobody does as long as no majority is heard of.
    #[must_use]
    pub fn leader(&self) -> Option<(u64, String)> {
        if !self.in_contact() {
            return None;
        }
        if !self.is_leader() {
            return leader(&self.inner.raft);
        }
        let own = observed::server_metrics(&self.inner.raft)
            .now(|metrics| metrics.membership_config.get_node(&metrics.id).cloned());
        Some((self.inner.id, own.map(|node| node.addr).unwrap_or_default()))
    }

    /// Follows who leads. Closed when the member stops.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// How this member stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = Status::of(&self.inner);
        status.poisoned = status.poisoned.or_else(|| self.diverged());
        status.poisoned = status.poisoned.or_else(|| self.inner.blank.notice());
        status
    }

    /// The service that other members call; it has to be served at this member's base URL.
    #[must_use]
    pub fn transport_service(
        &self,
    ) -> InterceptedService<RaftTransportServer<TransportService>, MembersOnly> {
        let service = TransportService {
            id: self.inner.id,
            raft: self.inner.raft.clone(),
            handle: Arc::clone(&self.inner.handle),
            snapshots: Arc::clone(&self.inner.snapshots),
            proposer: self.inner.proposer.clone(),
            notices: Arc::clone(&self.inner.notices),
            contact: Arc::clone(&self.inner.contact),
            published: Arc::clone(&self.inner.published),
            blank: Arc::clone(&self.inner.blank),
            time: Arc::clone(&self.inner.time),
        };
        let server = RaftTransportServer::new(service)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        InterceptedService::new(server, MembersOnly(self.inner.credentials.clone()))
    }

    /// Resolves when the member has ended by itself: its disk failed, its state cannot be read, or it met what it takes for
    /// impossible. Says why. Reads of
    /// [`Registry::view`] go on. Never resolves for a member that was stopped.
    pub fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        status::failed(self.inner.end.clone(), self.inner.handle.store.damage().clone())
    }

    /// Stops in order: no further proposals, then the core. Handles stay readable. Safe to call twice.
    pub async fn stop(&self) {
        let mut tasks =
            std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
        if let Err(cause) = self.inner.raft.shutdown().await {
            tracing::error!(%cause, "the consensus core did not end in order");
        }
        self.inner.thread.end().await;
    }

    /// Resolves when the member's directory is free: after a stop, once every handle, view and transport service has
    /// been dropped. Take it before dropping the last handle.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.inner.handle.closed()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Registry").field("id", &self.inner.id).finish_non_exhaustive()
    }
}
