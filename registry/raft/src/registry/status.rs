//! The status of a member, in our own words. It may be outdated when it is read.

use std::collections::BTreeMap;
use std::time::Duration;

use deploy_service::wait_until;
use openraft::errors::Fatal;
use openraft::{Instant as _, RaftMetrics};
use registry_core::query;
use registry_store::{Damage, StoreView};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Inner;
use crate::machine::Raft;
use crate::observed;
use crate::types::TypeConfig;

/// A learner that is further behind does not count as caught up: it could hold up the writes of the set it joins.
pub const LAG_MAX: u64 = 1_000;

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
    /// A change of the voters was begun and is not finished.
    pub joint: bool,
    /// How far the others are, on the leader; empty elsewhere.
    pub peers: BTreeMap<u64, PeerStatus>,
    /// This member was removed from the cluster.
    pub removed: bool,
    /// How often the cluster was made anew from a backup.
    pub epoch: u64,
    /// How far this member's clock is from the cluster's time, in ms, as far as it is known.
    pub clock_offset_ms: Option<i64>,
    /// How far the state's time is ahead of the clocks of a majority, in ms.
    pub state_ahead_ms: u64,
}

/// What a leader knows of another member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerStatus {
    /// The last entry that it has as the leader has it.
    pub matched: Option<u64>,
    /// How long ago it answered.
    pub heard: Option<Duration>,
    /// How far its clock is from the cluster's time, in ms.
    pub clock_offset_ms: Option<i64>,
}

impl Status {
    /// Where a member is, voter or not.
    #[must_use]
    pub fn address(&self, id: u64) -> Option<&str> {
        self.members.get(&id).or_else(|| self.learners.get(&id)).map(String::as_str)
    }

    /// How many entries a member lacks, on the leader.
    #[must_use]
    pub fn lag(&self, id: u64) -> u64 {
        if id == self.id {
            return 0;
        }
        let matched = self.peers.get(&id).and_then(|peer| peer.matched);
        // Entries count from 0.
        let next = |last: Option<u64>| last.map_or(0, |last| last + 1);
        next(self.last_log).saturating_sub(next(matched))
    }

    /// Whether a member answers and keeps up, on the leader.
    pub(super) fn healthy(&self, id: u64, silence_max: Duration) -> bool {
        self.heard_within(id, silence_max) && self.lag(id) <= LAG_MAX
    }

    /// Whether a member has answered of late, on the leader.
    pub(super) fn heard_within(&self, id: u64, silence_max: Duration) -> bool {
        let heard = self.peers.get(&id).and_then(|peer| peer.heard);
        id == self.id || heard.is_some_and(|ago| ago <= silence_max)
    }
}

impl Status {
    pub(super) fn of(inner: &Inner) -> Self {
        let mut seen = observed::metrics(&inner.raft).now(Self::seen);
        let offsets = inner.time.offsets();
        for (id, peer) in &mut seen.peers {
            peer.clock_offset_ms = offsets.get(id).copied();
        }
        Self {
            removed: seen.removed || removed(inner),
            poisoned: inner.handle.store.log().poisoned().or(seen.poisoned),
            epoch: inner.published.epoch().unwrap_or(0),
            clock_offset_ms: inner.time.own_offset(),
            state_ahead_ms: inner.time.state_ahead_ms(),
            ..seen
        }
    }

    /// What consensus alone says.
    fn seen(metrics: &RaftMetrics<TypeConfig>) -> Self {
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
            poisoned: stopped,
            joint: membership.get_joint_config().len() > 1,
            peers: peers(metrics),
            removed: left_out(metrics),
            epoch: 0,
            clock_offset_ms: None,
            state_ahead_ms: 0,
        }
    }
}

/// By the word of others, or by the state.
fn removed(inner: &Inner) -> bool {
    inner.reports.removed() || retired(&inner.published.view(), inner.id)
}

/// Whether this member was removed for good. Its number is retired first, and consensus leaves it out after that: until
/// both have happened its vote may be needed.
pub(super) fn left(inner: &Inner) -> bool {
    let retired = || retired(&inner.published.view(), inner.id);
    inner.reports.removed() || (retired() && observed::metrics(&inner.raft).now(left_out))
}

/// Whether the state says that a number is never used again.
pub(super) fn retired(view: &StoreView, id: u64) -> bool {
    let entry = query::member(view, id);
    entry.is_ok_and(|entry| entry.is_some_and(|entry| entry.retired))
}

/// Whether there are voters, and this member is none of the members.
fn left_out(metrics: &RaftMetrics<TypeConfig>) -> bool {
    let membership = metrics.membership_config.membership();
    membership.voter_ids().next().is_some() && membership.get_node(&metrics.id).is_none()
}

fn peers(metrics: &RaftMetrics<TypeConfig>) -> BTreeMap<u64, PeerStatus> {
    let matched = metrics.replication.iter().flatten();
    let mut peers: BTreeMap<u64, PeerStatus> = matched
        .map(|(id, last)| {
            (*id, PeerStatus { matched: last.map(|last| last.index()), ..PeerStatus::default() })
        })
        .collect();
    for (id, heard) in metrics.heartbeat.iter().flatten() {
        peers.entry(*id).or_default().heard = heard.map(|at| at.into_inner().elapsed());
    }
    peers
}

/// How the core has ended, once it has; none if it was told to. What has to run for that looks at each change of the metrics,
/// of which every entry makes several: it belongs on the thread of consensus.
pub(super) fn watch_end(raft: &Raft) -> (watch::Receiver<End>, impl Future<Output = ()> + use<>) {
    let mut metrics = observed::metrics(raft);
    let (ended, watched) = watch::channel(None);
    let watching = async move {
        let mut open = true;
        loop {
            let end = end(&metrics.now(|metrics| metrics.running_state.clone()), open);
            if end.is_some() {
                ended.send_replace(end);
                return;
            }
            open = metrics.changed().await.is_ok();
        }
    };
    (watched, watching)
}

/// `None` while the core runs.
pub(super) type End = Option<Option<String>>;

/// Resolves with the reason when the core has ended by itself, or the state was found damaged.
pub(super) async fn failed(mut end: watch::Receiver<End>, damage: Damage) -> String {
    loop {
        if let Some(why) = damage.found() {
            return format!("the state is damaged: {why}");
        }
        // Damage is met by reads too, of which consensus does not know.
        let ended = timeout(DAMAGE_PAUSE, wait_until(&mut end, Option::is_some)).await;
        match ended {
            Err(_) => {}
            Ok(Ok(Some(Some(why)))) => return why,
            // It was told to end, as the task that would say so was.
            Ok(_) => return std::future::pending().await,
        }
    }
}

/// Whether the core has ended, and why if nobody told it to; `open` is whether it may still say something.
fn end(running: &Result<(), Fatal<TypeConfig>>, open: bool) -> End {
    match running {
        Ok(()) if open => None,
        // A panic unwinds without a word.
        Ok(()) => Some(Some("it met what it takes for impossible, and panicked".to_owned())),
        Err(Fatal::Stopped) => Some(None),
        Err(other) => Some(Some(other.to_string())),
    }
}

/// Whether the core has ended, by itself or because it was told to.
pub(super) fn ended(raft: &Raft) -> bool {
    observed::metrics(raft).now(|metrics| metrics.running_state.is_err())
}

/// How long damage may go unnoticed. Arbitrary.
const DAMAGE_PAUSE: Duration = Duration::from_secs(1);

/// Turns openraft's metrics into a stream of changes that ends with the member.
pub(super) fn watch_leadership(
    raft: &Raft,
    tasks: &mut JoinSet<()>,
) -> watch::Receiver<Leadership> {
    let mut metrics = observed::server_metrics(raft);
    let (changes, leadership) = watch::channel(Leadership::default());
    tasks.spawn(async move {
        loop {
            let now = metrics.now(|metrics| Leadership {
                term: metrics.vote.leader_id().term,
                leader: metrics.current_leader,
            });
            changes.send_if_modified(|known| std::mem::replace(known, now) != now);
            if metrics.changed().await.is_err() {
                return;
            }
        }
    });
    leadership
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_ends_without_a_word_has_panicked_and_one_that_was_told_to_stop_has_not_failed() {
        assert_eq!(end(&Ok(()), true), None);
        assert!(end(&Ok(()), false).flatten().is_some_and(|why| why.contains("panicked")));
        assert_eq!(end(&Err(Fatal::Stopped), false), Some(None));
        assert!(end(&Err(Fatal::Panicked), true).flatten().is_some());
    }
}
