//! On the leader: members that hold nothing, or less than they have acknowledged, and voters that the state does not know
//! yet. It decides who may begin with nothing. A voter that took part before never counts again without a change of the
//! voters in between: it may have forgotten a vote and what it acknowledged.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use registry_core::change::Reply;
use registry_core::command::{AdmitMember, Command, Proposal};
use registry_core::entry::MemberEntry;
use registry_core::query;
use registry_store::StoreView;

use super::{Inner, PeerStatus, Registry, Status};
use crate::observed;
use crate::proposer::Term;

/// How often the leader looks whom the state does not know: a voter that loses its directory before is taken for one that
/// has never taken part. A heartbeat; less would see nothing new.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often it looks at clocks, and whether it is to stay itself. Arbitrary; leadership is handed over once, not with every heartbeat.
const CLOCKS_EVERY: Duration = Duration::from_secs(1);

/// Looks as long as the member runs.
pub(super) async fn run(inner: Weak<Inner>) {
    let (mut look, mut clocks) =
        (tokio::time::interval(LOOK_EVERY), tokio::time::interval(CLOCKS_EVERY));
    loop {
        let Some(reports) = inner.upgrade().map(|inner| Arc::clone(&inner.reports)) else {
            return;
        };
        let clocks = tokio::select! {
            _ = look.tick() => false,
            _ = clocks.tick() => true,
            () = reports.blank_heard() => false,
        };
        let Some(inner) = inner.upgrade() else { return };
        Registry { inner }.attend(clocks).await;
    }
}

impl Registry {
    /// Looks at members, and at their clocks and its own leadership if that is due.
    async fn attend(&self, clocks: bool) {
        let reports = &self.inner.reports;
        let Some((view, term)) = self.leader_view() else {
            if !self.is_leader() {
                reports.forget();
            }
            return;
        };
        let status = self.status();
        self.remember_voters(&status, &view, term).await;
        if clocks {
            self.hand_over_if_retired(&status, &view).await;
            self.look_at_clocks(&status).await;
        }
        for id in reports.take_blank() {
            self.receive(id, term).await;
        }
    }

    /// Has the state know every voter that has taken part, so that it is known again if it loses its directory.
    async fn remember_voters(&self, status: &Status, view: &StoreView, term: Term) {
        for (id, address) in &status.members {
            let matched = status.peers.get(id).and_then(|peer| peer.matched);
            let took_part = *id == status.id || matched.is_some();
            if took_part && matches!(known(view, *id), Some(None)) {
                self.remember(*id, address, term).await;
            }
        }
    }

    /// Decides about a member that holds nothing, or an older log than it had.
    async fn receive(&self, id: u64, term: Term) {
        // Read anew: to remember others may have taken long.
        let (status, view) = (self.status(), self.view().0);
        if status.learners.contains_key(&id) {
            if self.membership_committed() {
                self.admit(id).await;
            }
            return;
        }
        let Some(address) = status.members.get(&id) else { return };
        match known(&view, id) {
            Some(entry) if took_part(entry.as_ref(), status.peers.get(&id)) => {
                self.take_vote(id, &status).await;
            }
            // Nothing can be forgotten.
            Some(_) if self.remember(id, address, term).await => self.admit(id).await,
            Some(_) | None => {}
        }
    }

    /// Makes a voter that has lost what it knew a learner. What it is sent then is as good as any learner's.
    async fn take_vote(&self, id: u64, status: &Status) {
        tracing::error!(
            member = id,
            "a voter has lost its vote, its log, or the end of it: it goes on as a learner, and `ecumene cluster promote` \
             gives it its vote again; see docs/runbooks/replace-a-member.md"
        );
        let voters: BTreeSet<u64> =
            status.members.keys().copied().filter(|voter| *voter != id).collect();
        if let Err(why) = self.change_voters(voters, false).await {
            tracing::warn!(member = id, %why, "its vote could not be taken from it yet");
        }
    }

    /// Lets a member begin with nothing.
    async fn admit(&self, id: u64) {
        // Consensus has to begin with it anew, wherever it was.
        if self.inner.raft.trigger().allow_next_revert(&id, true).await.is_ok() {
            self.inner.reports.admit(id);
        }
    }

    /// Has the state know a member, by the others alone.
    async fn remember(&self, id: u64, address: &str, term: Term) -> bool {
        let command =
            Command::AdmitMember(AdmitMember { id, address: address.to_owned(), join: None });
        let proposed = self.propose_in(term, Proposal { commands: vec![command] }, None).await;
        matches!(proposed.as_deref(), Ok([Reply::Done(_)]))
    }

    /// Whether the membership that is in effect is committed.
    fn membership_committed(&self) -> bool {
        observed::metrics(&self.inner.raft).now(|metrics| {
            metrics.membership_config.log_id().as_ref() <= metrics.cluster_committed.as_ref()
        })
    }
}

/// What the state says of a number; `None` if it cannot be read.
fn known(view: &StoreView, id: u64) -> Option<Option<MemberEntry>> {
    query::member(view, id).ok()
}

/// Whether a voter has taken part: the state knows it, or it has acknowledged entries to this leader.
fn took_part(entry: Option<&MemberEntry>, peer: Option<&PeerStatus>) -> bool {
    entry.is_some() || peer.is_some_and(|peer| peer.matched.is_some())
}

#[cfg(test)]
mod tests {
    use proto_types::WallMs;

    use super::*;

    /// Caught: one that the state did not know yet came in with its vote, whatever it had acknowledged.
    #[test]
    fn a_voter_that_the_state_or_this_leader_knows_has_taken_part() {
        let (address, changed_at) = (String::new(), WallMs(0));
        let entry = MemberEntry { id: 2, address, retired: false, changed_at };
        let acknowledged = PeerStatus { matched: Some(7), ..PeerStatus::default() };
        assert!(took_part(None, Some(&acknowledged)));
        assert!(took_part(Some(&entry), None));
        assert!(!took_part(None, Some(&PeerStatus::default())) && !took_part(None, None));
    }
}
