//! One member as its calls see it: write, read, and who is asking. A write that may yet come about is never called
//! failed.

mod callers;
mod error_reply;
mod writes;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use deploy_service::{Shutdown, Source, wait_until};
use proto_types::{Origin, Revision, WallMs};
use proto_wire::registry::v1::Consistency;
use registry_api::identity::OperatorSecret;
use registry_api::{Code, Cursors, List, Principal, Problem};
use registry_core::change::Reply;
use registry_core::query;
use registry_raft::{Clock, ProposeError, ReadError, Registry, StoreView};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::admission::AdmissionPolicy;
use crate::artifacts::Artifacts;
use crate::audit::Refusals;
use crate::enrolment::EnrolmentLimiter;
use crate::fleet::Fleet;
use crate::holder::{self, Place, Places};
use crate::leader::LeaderLine;
use crate::log::TransparencyLog;
pub(crate) use crate::reading::Reading;
use crate::roster::{Roster, Signer};

pub(crate) use self::callers::CredentialLookups;
pub(crate) use self::writes::SHARES as WRITE_SHARES;

/// How long a member may take to reach a revision that was confirmed elsewhere.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that calls share.
pub(crate) struct Member {
    pub(crate) registry: Registry,
    pub(crate) operator: OperatorSecret,
    /// What federation tokens must be for.
    pub(crate) origin: Option<Origin>,
    pub(crate) admission_policy: AdmissionPolicy,
    pub(crate) artifacts: Artifacts,
    pub(crate) signer: Arc<Signer>,
    pub(crate) log: TransparencyLog,
    pub(crate) refusals: Refusals,
    /// Whether the transparency log is known to be open.
    pub(crate) log_open: AtomicBool,
    /// The cluster's time, not this machine's: whatever depends on time is judged by it.
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
    pub(crate) fleet: Fleet,
    pub(crate) line: LeaderLine,
    /// Places of those who wait: watchers and long polls.
    pub(crate) waits: Places,
    /// Places for those whose credential is looked up at the leader.
    pub(crate) credential_lookups: CredentialLookups,
    pub(crate) enrolment_limiter: EnrolmentLimiter,
    /// The newest signed roster.
    pub(crate) roster: Roster,
    /// Bytes of writes under way.
    pub(crate) writes: Places,
    /// Places for searches.
    pub(crate) searches: Places,
    /// One copy or compaction of this member at a time.
    pub(crate) upkeep: Arc<Semaphore>,
    pub(crate) propose_timeout: Duration,
}

impl Member {
    /// The state as this member has it.
    pub(crate) fn stale(&self) -> Reading {
        let age_ms = self.registry.age().and_then(|age| u64::try_from(age.as_millis()).ok());
        let (view, revision) = self.registry.view();
        Reading { view, revision, age_ms, time: self.clock.now() }
    }

    /// The state with the consistency that the caller asked for.
    pub(crate) async fn read(&self, consistency: Consistency) -> Result<Reading, Problem> {
        match consistency {
            Consistency::Stale => Ok(self.stale()),
            Consistency::Strong => self.strong().await,
        }
    }

    /// A state that holds every write acknowledged before the call. A follower asks the leader how
    /// far that is, and waits until it is there.
    pub(crate) async fn strong(&self) -> Result<Reading, Problem> {
        if self.registry.diverged().is_some() {
            let why = "this member's state is not the leader's";
            return Err(Problem::new(Code::StateDiverged, why));
        }
        match self.led().await {
            Err(ReadError::NotLeader { leader: Some((id, url)) }) if id != self.registry.id() => {
                let (confirmed, time) = self.line.confirmed(&url).await?;
                by_leader(self.reached(confirmed).await?, time)
            }
            led => led.map_err(|error| self.unread(error)),
        }
    }

    /// The same, if this member leads.
    pub(crate) async fn led(&self) -> Result<Reading, ReadError> {
        self.line.led(&self.registry).await?;
        Ok(self.confirmed(self.registry.view()))
    }

    /// A state that a majority has confirmed.
    fn confirmed(&self, (view, revision): (StoreView, Revision)) -> Reading {
        Reading { view, revision, age_ms: None, time: self.clock.now() }
    }

    /// The state once it holds this revision: what a write of this very call has brought about.
    pub(crate) async fn reached(&self, revision: Revision) -> Result<Reading, Problem> {
        let reached = timeout(CATCH_UP_TIMEOUT, self.registry.wait_applied(revision)).await;
        match reached {
            Ok(Ok(())) => Ok(self.confirmed(self.registry.view())),
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => Err(Problem::new(Code::ReadUnconfirmed, "this member lags behind")),
        }
    }

    /// The cursors of a list, as long as the cluster is not restored from a backup.
    pub(crate) fn cursors(&self, list: List) -> Cursors {
        list.of(self.registry.epoch().unwrap_or(0))
    }

    /// Holds if this member leads.
    pub(crate) fn require_leader(&self) -> Result<(), Problem> {
        if self.registry.is_leader() { Ok(()) } else { Err(self.not_leader()) }
    }

    /// Waits until this member leads, or until it does not; false if it stops before.
    pub(crate) async fn until_leads(&self, leads: bool) -> bool {
        let (id, mut leadership) = (self.registry.id(), self.registry.leadership());
        tokio::select! {
            // A member that stops may still lead, and must not begin anew.
            biased;
            () = self.shutdown.triggered() => false,
            so = wait_until(&mut leadership, |now| (now.leader == Some(id)) == leads) => so.is_ok(),
        }
    }

    fn unproposed(&self, error: ProposeError) -> Problem {
        match error {
            ProposeError::NotLeader { .. } => {
                Problem::new(Code::NoLeader, "no leader took the write")
            }
            ProposeError::Full { retry_after } => {
                let retry_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
                let why = "the queue of proposals is full";
                Problem::new(Code::Overloaded, why).with("retry_after_ms", retry_ms)
            }
            ProposeError::TooLarge { bytes, bytes_max } => {
                let why = format_args!("a proposal of {bytes} bytes exceeds {bytes_max}");
                Problem::new(Code::BodyTooLarge, why).with("bytes_max", bytes_max)
            }
            // The cause names members and addresses: it is for the log.
            ProposeError::Unknown(cause) => {
                tracing::warn!(cause, "a proposal's outcome is unknown");
                in_doubt("the leader was lost before it answered")
            }
            ProposeError::Stopped => self.ended(),
        }
    }

    /// Why a member that has ended takes nothing: it was told to, or its disk failed.
    pub(crate) fn ended(&self) -> Problem {
        match self.registry.status().poisoned {
            Some(cause) if !self.shutdown.is_triggered() => {
                tracing::warn!(cause, "a write is refused");
                Problem::new(Code::DiskFailed, "this member's disk failed; try another member")
            }
            _ => stopping(),
        }
    }

    fn unread(&self, error: ReadError) -> Problem {
        match error {
            ReadError::NotLeader { .. } => Problem::new(Code::NoLeader, "no leader is known"),
            ReadError::Unavailable(cause) => {
                tracing::warn!(cause, "a strong read is not confirmed");
                Problem::new(Code::ReadUnconfirmed, "no majority confirmed the read in time")
            }
            ReadError::Stopped => self.ended(),
        }
    }

    /// The problem that says who leads.
    pub(crate) fn not_leader(&self) -> Problem {
        match self.registry.leader().filter(|(id, _)| *id != self.registry.id()) {
            Some((id, url)) => {
                Problem::new(Code::NotLeader, format_args!("member {id} leads")).with("leader", url)
            }
            None => Problem::new(Code::NoLeader, "no leader is known"),
        }
    }

    /// A place among those who wait.
    pub(crate) fn wait_place(
        &self,
        caller: &Principal,
        source: Option<Source>,
    ) -> Result<Place, Problem> {
        holder::place(&self.waits, (caller, source), (Code::TooManyStreams, "places of watchers"))
    }
}

/// Every strong read is judged by the leader's time, so that a follower does not say that something goes on which was
/// said to be over; and by none before the state's.
fn by_leader(reading: Reading, leaders: Option<WallMs>) -> Result<Reading, Problem> {
    let Some(leaders) = leaders else { return Ok(reading) };
    let time = leaders.max(query::clock(&reading.view)?);
    Ok(Reading { time, ..reading })
}

/// The revision that a write answers with.
pub(crate) fn done_at(reply: &Reply) -> Result<Revision, Problem> {
    match reply {
        Reply::Done(revision) => Ok(*revision),
        other => Err(unexpected(other)),
    }
}

/// The core answers each command with its kind of reply; another one is a defect.
pub(crate) fn unexpected(reply: &Reply) -> Problem {
    Problem::internal(format_args!("an unexpected reply: {reply:?}"))
}

/// The problem of a process that ends.
pub(crate) fn stopping() -> Problem {
    Problem::new(Code::Stopping, "this member is stopping")
}

fn in_doubt(why: &str) -> Problem {
    Problem::new(Code::InDoubt, why)
}
