//! Writes through the handle of a member: proposed here, by the leader, or carried to it. Nothing withdraws a proposal, so
//! what is held for one is never let go before it is answered.

use std::sync::Arc;

use registry_core::change::Reply;
use registry_core::command::Proposal;
use registry_store::StoreView;

use super::{Registry, status};
use crate::ProposeError;
use crate::proposer::{Held, Prepare, Term};

impl Registry {
    /// Has commands decided and committed together, if this member leads. One list of replies, one per command; a
    /// refusal is a reply. Dropping the future withdraws nothing.
    ///
    /// # Errors
    /// See [`ProposeError`]; after `Unknown` only a read can tell.
    pub async fn propose(&self, mut proposal: Proposal) -> Result<Vec<Reply>, ProposeError> {
        self.inner.proposer.propose(&mut proposal, None, None).await
    }

    /// Has this member, whenever it leads, complete each proposal before it goes into the log. To be told once.
    pub fn prepare_by(&self, prepare: Prepare) {
        self.inner.proposer.prepare_by(prepare);
    }

    /// This member's own state, if it leads and has applied all that was acknowledged before its term began. A write
    /// that was decided on it and is then committed by [`Registry::propose_in`] this term saw everything that was
    /// acknowledged before: no other member can have committed anything meanwhile. A write that is refused on it proves
    /// nothing, since the member may have lost leadership without knowing: for that there is [`Registry::strong`].
    #[must_use]
    pub fn leader_view(&self) -> Option<(StoreView, Term)> {
        let term = self.inner.raft.as_leader().ok()?.term();
        let reached = self.inner.published.term() == term && self.diverged().is_none();
        reached.then(|| (self.view().0, Term(term)))
    }

    /// As [`Registry::propose`], but only in this term. `held` is kept until the proposal is answered, also when the
    /// future is dropped before.
    ///
    /// # Errors
    /// As [`Registry::propose`]; `NotLeader` if the term is over.
    pub async fn propose_in(
        &self,
        term: Term,
        mut proposal: Proposal,
        held: Option<Held>,
    ) -> Result<Vec<Reply>, ProposeError> {
        self.inner.proposer.propose(&mut proposal, Some(term), held).await
    }

    /// As [`Registry::propose`], from any member: a follower passes the proposal to the leader, in one hop. `held` as in
    /// [`Registry::propose_in`].
    ///
    /// # Errors
    /// As [`Registry::propose`]; a connection that broke after the proposal was sent gives `Unknown`.
    pub async fn write(
        &self,
        mut proposal: Proposal,
        held: Option<Held>,
    ) -> Result<Vec<Reply>, ProposeError> {
        // A member whose disk has failed takes nothing, and carries nothing to others either.
        if status::ended(&self.inner.raft) {
            return Err(ProposeError::Stopped);
        }
        match self.inner.proposer.propose(&mut proposal, None, held.clone()).await {
            Err(ProposeError::NotLeader { leader: Some(leader) }) => {
                self.forward(leader, proposal, held).await
            }
            outcome => outcome,
        }
    }

    /// Goes on until the leader has answered, also when the future is dropped before.
    async fn forward(
        &self,
        (id, address): (u64, String),
        proposal: Proposal,
        held: Option<Held>,
    ) -> Result<Vec<Reply>, ProposeError> {
        let forwarder = Arc::clone(&self.inner.forwarder);
        let forwarded = tokio::spawn(async move {
            let _held = held;
            forwarder.forward(id, address, &proposal).await
        });
        let ended = |_| ProposeError::Unknown("what waited for the leader has ended".to_owned());
        forwarded.await.map_err(ended)?
    }
}
