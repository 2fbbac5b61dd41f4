//! Changes of the cluster: who replicates, who votes, who leads.
//! It decides which changes are safe to begin; it must never begin one while another is under way, nor one after which
//! no majority would answer, unless the operator insists.

mod change_error;

use std::collections::BTreeSet;
use std::time::Duration;

use openraft::{BasicNode, ChangeMembers};
use proto_types::Origin;
use tokio::time::timeout;

pub use self::change_error::ChangeError;
use self::change_error::outcome;
use super::{LAG_MAX, Registry, Status};
use crate::config::VOTERS_MAX;
use crate::observed;
use crate::proposer::leader;

/// Learners of a cluster: each takes the leader's full stream. Arbitrary.
pub const LEARNERS_MAX: usize = 16;

/// How long a change may take. It is two log entries; without a majority it would never end.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long members that leave are given to hear of it.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

impl Registry {
    /// Adds a member without a vote; what it lacks is sent to it. No error if it is one already, at the same address.
    pub async fn add_learner(&self, id: u64, address: &str) -> Result<(), ChangeError> {
        let _turn = self.turn()?;
        let status = self.leading()?;
        self.may_add(id, address)?;
        if status.address(id).is_some() {
            return Ok(());
        }
        if status.learners.len() >= LEARNERS_MAX {
            return Err(ChangeError::TooMany { what: "learners", bound: LEARNERS_MAX });
        }
        let node = BasicNode::new(address);
        outcome(timeout(CHANGE_TIMEOUT, self.inner.raft.add_learner(id, node, false)).await)
    }

    /// Makes exactly these members voters, by joint consensus. Former voters stay, without a vote.
    pub async fn change_voters(
        &self,
        voters: BTreeSet<u64>,
        force: bool,
    ) -> Result<(), ChangeError> {
        let _turn = self.turn()?;
        let status = self.leading()?;
        self.check_voters(&status, &voters, force)?;
        self.replace_voters(voters).await
    }

    /// Whether [`Registry::add_learner`] would begin.
    pub fn may_add(&self, id: u64, address: &str) -> Result<(), ChangeError> {
        let status = self.leading()?;
        match status.address(id) {
            Some(known) if known == address => Ok(()),
            Some(known) => Err(ChangeError::OtherAddress { id, address: known.to_owned() }),
            None => check_free(&status, address),
        }
    }

    /// Whether [`Registry::change_voters`] would begin, at whichever voter leads then.
    pub fn may_change(&self, voters: &BTreeSet<u64>, force: bool) -> Result<(), ChangeError> {
        self.check_set(&self.leading()?, voters, force)
    }

    /// Whether [`Registry::remove`] would begin, at whichever voter leads then.
    pub fn may_remove(&self, ids: &BTreeSet<u64>, force: bool) -> Result<(), ChangeError> {
        let status = self.leading()?;
        match without(&status, ids) {
            Some(voters) => self.check_set(&status, &voters, force),
            None => Ok(()),
        }
    }

    /// Takes members out of the cluster, voters among them by joint consensus first. The leader cannot take itself out:
    /// leadership has to be handed over before.
    ///
    /// # Errors
    /// See [`ChangeError`]. After `Unknown` it can be repeated.
    pub async fn remove(&self, ids: BTreeSet<u64>, force: bool) -> Result<(), ChangeError> {
        let _turn = self.turn()?;
        let status = self.leading()?;
        let present: BTreeSet<u64> =
            ids.into_iter().filter(|id| status.address(*id).is_some()).collect();
        if present.is_empty() {
            return Ok(());
        }
        if let Some(voters) = without(&status, &present) {
            self.check_voters(&status, &voters, force)?;
            self.replace_voters(voters).await?;
        }
        // As learners they are still told what was decided; after the next step they are told nothing.
        let last = self.status().last_log;
        let heard = async {
            while !self.heard(&present, last) {
                self.tick().await
            }
        };
        let _ = timeout(FAREWELL_TIMEOUT, heard).await;
        let change = ChangeMembers::RemoveNodes(present);
        outcome(timeout(CHANGE_TIMEOUT, self.inner.raft.change_membership(change, false)).await)
    }

    /// Ends a change that a former leader began and did not finish.
    pub async fn settle(&self) -> Result<(), ChangeError> {
        let _turn = self.turn()?;
        if !self.leading()?.joint {
            return Ok(());
        }
        let change = ChangeMembers::AddVoterIds(BTreeSet::new());
        outcome(timeout(CHANGE_TIMEOUT, self.inner.raft.change_membership(change, true)).await)
    }

    /// Hands leadership to a voter: `to`, or the one that has most of the log. Returns whom it was offered to, before
    /// that member has won its election.
    pub async fn transfer(&self, to: Option<u64>) -> Result<u64, ChangeError> {
        let status = self.leading()?;
        let others = status.members.keys().copied().filter(|id| *id != status.id);
        let healthy = others.filter(|id| status.healthy(*id, self.inner.silence_max));
        let heir = match to {
            Some(to) if to == status.id => return Ok(to),
            Some(to) if !status.members.contains_key(&to) => {
                return Err(ChangeError::NotAMember(to));
            }
            Some(to) => healthy.into_iter().find(|id| *id == to),
            None => healthy.max_by_key(|id| status.peers.get(id).and_then(|peer| peer.matched)),
        };
        let (voters, needed) = (status.members.len(), 2);
        let heir = heir.ok_or(ChangeError::QuorumAtRisk { healthy: 1, voters, needed })?;
        let stopped = |_| ChangeError::Unknown("the member has stopped".to_owned());
        self.inner.raft.trigger().transfer_leader(heir).await.map_err(stopped)?;
        Ok(heir)
    }

    fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, ChangeError> {
        self.inner.changing.try_lock().map_err(|_| ChangeError::InProgress)
    }

    fn leading(&self) -> Result<Status, ChangeError> {
        if self.is_leader() {
            return Ok(self.status());
        }
        Err(ChangeError::NotLeader { leader: leader(&self.inner.raft) })
    }

    fn check_voters(
        &self,
        status: &Status,
        voters: &BTreeSet<u64>,
        force: bool,
    ) -> Result<(), ChangeError> {
        if !voters.contains(&status.id) {
            // Whoever commits the change has to count in both sets, so that it can answer for it.
            return Err(ChangeError::NotLeader { leader: None });
        }
        self.check_set(status, voters, force)
    }

    /// Whether these may be the voters, whoever leads.
    fn check_set(
        &self,
        status: &Status,
        voters: &BTreeSet<u64>,
        force: bool,
    ) -> Result<(), ChangeError> {
        if voters.len() > VOTERS_MAX {
            return Err(ChangeError::TooMany { what: "voters", bound: VOTERS_MAX });
        }
        if let Some(stranger) = voters.iter().find(|id| status.address(**id).is_none()) {
            return Err(ChangeError::NotAMember(*stranger));
        }
        let newcomers = voters.iter().filter(|id| !status.members.contains_key(id));
        for id in newcomers.copied() {
            self.check_newcomer(status, id, force)?;
        }
        if force {
            tracing::warn!(?voters, "a change of voters is forced");
            return Ok(());
        }
        // Joint consensus takes a majority of either set.
        let old: BTreeSet<u64> = status.members.keys().copied().collect();
        [&old, voters].into_iter().try_for_each(|set| self.check_quorum(status, set))
    }

    /// A member that is to vote has to answer, as a member of this cluster, and to have what the others have.
    fn check_newcomer(&self, status: &Status, id: u64, force: bool) -> Result<(), ChangeError> {
        if let Some(why) = self.inner.reports.refuses(id) {
            return Err(ChangeError::Refuses { id, why });
        }
        let (heard, lag) = (status.heard_within(id, self.inner.silence_max), status.lag(id));
        match force {
            true => Ok(()),
            false if !heard => Err(ChangeError::Silent { id }),
            false if lag > LAG_MAX => Err(ChangeError::Behind { id, lag }),
            false => Ok(()),
        }
    }

    fn check_quorum(&self, status: &Status, set: &BTreeSet<u64>) -> Result<(), ChangeError> {
        let answers = |id: &&u64| status.healthy(**id, self.inner.silence_max);
        let (healthy, voters) = (set.iter().filter(answers).count(), set.len());
        let needed = voters / 2 + 1;
        if healthy >= needed {
            Ok(())
        } else {
            Err(ChangeError::QuorumAtRisk { healthy, voters, needed })
        }
    }

    async fn replace_voters(&self, voters: BTreeSet<u64>) -> Result<(), ChangeError> {
        if voters.len().is_multiple_of(2) {
            tracing::warn!(?voters, "an even number of voters survives no more than one fewer");
        }
        let change = ChangeMembers::ReplaceAllVoters(voters);
        outcome(timeout(CHANGE_TIMEOUT, self.inner.raft.change_membership(change, true)).await)
    }

    fn heard(&self, ids: &BTreeSet<u64>, last: Option<u64>) -> bool {
        let status = self.status();
        let matched = |id| status.peers.get(id).and_then(|peer| peer.matched);
        ids.iter().all(|id| matched(id) >= last)
    }

    /// Until the leader's view of the others changes.
    async fn tick(&self) {
        let mut metrics = observed::metrics(&self.inner.raft);
        // An end of the member ends the wait by its time-out.
        if metrics.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// No two members share an address: one of them would be called in the other's name.
fn check_free(status: &Status, address: &str) -> Result<(), ChangeError> {
    let mut all = status.members.iter().chain(&status.learners);
    match all.find(|(_, known)| place(known) == place(address)) {
        Some((id, known)) => Err(ChangeError::AddressTaken { id: *id, address: known.clone() }),
        None => Ok(()),
    }
}

/// A base URL in its one form.
fn place(address: &str) -> String {
    let plain = address.trim_end_matches('/');
    Origin::parse(plain).map_or_else(|_| plain.to_owned(), |origin| origin.to_string())
}

/// The voters without these; `None` if none of these is one.
fn without(status: &Status, ids: &BTreeSet<u64>) -> Option<BTreeSet<u64>> {
    let voters: BTreeSet<u64> = status.members.keys().copied().collect();
    (!voters.is_disjoint(ids)).then(|| voters.difference(ids).copied().collect())
}
