//! How a member stands, in our own words.
//! It decides nothing; what it says may be outdated when it is read.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft::Instant as _;
use openraft::async_runtime::watch::WatchReceiver as _;
use registry_store::Log;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::types::Raft;

/// Who leads, in which term. Within a term there is at most one leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The newest term this member knows.
    pub term: u64,
    /// The leader of that term, if one is known.
    pub leader: Option<u64>,
}

/// How one member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub id: u64,
    /// The newest term it knows.
    pub term: u64,
    /// The leader it knows.
    pub leader: Option<u64>,
    /// The index of the last entry in its log.
    pub last_log: Option<u64>,
    /// The index of the last entry in its state.
    pub applied: Option<u64>,
    /// The index up to which its newest snapshot reaches.
    pub snapshot: Option<u64>,
    /// The index up to which its log was purged.
    pub purged: Option<u64>,
    /// Voters: number to base URL.
    pub members: BTreeMap<u64, String>,
    /// Members without a vote.
    pub learners: BTreeMap<u64, String>,
    /// Why it takes no more writes, or why its state is not to be trusted, if so.
    pub poisoned: Option<String>,
}

impl Status {
    pub(super) fn of(raft: &Raft, log: &Log) -> Self {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let addresses = |ids: &mut dyn Iterator<Item = u64>| {
            let address = |id| membership.get_node(&id).map(|node| node.addr.clone());
            ids.map(|id| (id, address(id).unwrap_or_default())).collect()
        };
        let stopped = metrics.running_state.as_ref().err().map(ToString::to_string);
        Self {
            id: metrics.id,
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_log: metrics.last_log_index,
            applied: metrics.last_applied.map(|last| last.index()),
            snapshot: metrics.snapshot.map(|last| last.index()),
            purged: metrics.purged.map(|last| last.index()),
            members: addresses(&mut membership.voter_ids()),
            learners: addresses(&mut membership.learner_ids()),
            poisoned: log.poisoned().or(stopped),
        }
    }
}

/// How long ago a majority answered this leader.
pub(super) fn led_age(raft: &Raft) -> Option<Duration> {
    if raft.voter_ids().count() == 1 {
        return Some(Duration::ZERO);
    }
    let metrics = raft.metrics();
    let acknowledged = metrics.borrow_watched().last_quorum_acked;
    acknowledged.map(|at| at.into_inner().elapsed())
}

/// Turns openraft's metrics into a stream of changes that ends with the member.
pub(super) fn watch_leadership(
    raft: &Raft,
    tasks: &mut JoinSet<()>,
) -> watch::Receiver<Leadership> {
    let mut metrics = raft.server_metrics();
    let (changes, leadership) = watch::channel(Leadership::default());
    tasks.spawn(async move {
        loop {
            let now = {
                let metrics = metrics.borrow_watched();
                let term = metrics.vote.leader_id().term;
                Leadership { term, leader: metrics.current_leader }
            };
            changes.send_if_modified(|known| std::mem::replace(known, now) != now);
            if metrics.changed().await.is_err() {
                return;
            }
        }
    });
    leadership
}
