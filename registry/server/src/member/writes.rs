//! Writes: checked by a state, proposed, committed.
//!
//! It decides which state a write is checked by, and how much of one caller's is under way. It must never refuse a write by a
//! state that nobody has confirmed, but for a token that such a state has as spent: that stays true. As in `registry-raft`, a write goes through the leader, wherever that is; a proposal is
//! made here, by the leader of a term, or not at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use deploy_service::Source;
use proto_types::{Digest, Shares};
use registry_api::{Code, Principal, Problem};
use registry_core::change::Reply;
use registry_core::command::{Command, LogCommand, OpenLog, Proposal};
use registry_core::query;
use registry_raft::{Held, QUEUE_BYTES_MAX, QUEUE_PROPOSALS_MAX, StoreView, Term};
use tokio::time::timeout;

use crate::audit;
use crate::holder::{self, Place, Places};

use super::{Member, in_doubt};

/// Bytes of writes that are under way at one member: half of what the leader's queue holds, so that no member alone fills
/// it.
const WRITES_BYTES_MAX: u64 = QUEUE_BYTES_MAX as u64 / 2;

/// What a write takes at least: as many bytes as the queue has for each of its proposals, so that half of it is half by
/// their number too.
const WRITE_BYTES_MIN: u64 = (QUEUE_BYTES_MAX / QUEUE_PROPOSALS_MAX) as u64;

/// The rule of their shares.
pub(crate) const SHARES: Shares = Shares::new(WRITES_BYTES_MAX);

/// Room for a write of whoever calls; what the registry does by itself is the system's.
fn room(
    writes: &Places,
    proposal: &Proposal,
    caller: Option<(Principal, Option<Source>)>,
) -> Result<Place, Problem> {
    let (caller, source) = caller.unwrap_or((Principal::Operator, None));
    let bytes = proposal.commands.iter().map(|command| match command {
        Command::PutBody(put) => put.bytes.len() as u64,
        _ => 0,
    });
    let amount = bytes.sum::<u64>().max(WRITE_BYTES_MIN);
    holder::several(writes, amount, (&caller, source), (Code::Overloaded, "writes under way"))
}

impl Member {
    /// Writes a proposal through the leader, wherever that is. The reply is that of the last command, which is what the call
    /// is about; a refusal is an error. Acts in it are committed with their lines of the audit.
    pub(crate) async fn write(&self, proposal: Proposal) -> Result<Reply, Problem> {
        self.audited(proposal, None).await
    }

    /// As [`Member::write`], but here: by this member as the leader of this term, or not at all.
    pub(crate) async fn propose_in(
        &self,
        term: Term,
        proposal: Proposal,
    ) -> Result<Reply, Problem> {
        self.audited(proposal, Some(term)).await
    }

    /// As [`Member::write`], for one command.
    pub(crate) async fn write_command(&self, command: Command) -> Result<Reply, Problem> {
        self.write(Proposal { commands: vec![command] }).await
    }

    /// Checks a write by the state before it is proposed; the answer goes with the term in which it holds. A leader checks
    /// by its own state: if the write is then committed in the same term, that state was the newest.
    /// What would be refused so is checked again by a state that a majority has confirmed, as
    /// everything is on a follower.
    pub(crate) async fn precheck<T>(
        &self,
        check: impl Fn(&StoreView) -> Result<T, Problem>,
    ) -> Result<(T, Option<Term>), Problem> {
        if let Some((view, term)) = self.registry.leader_view()
            && let Ok(checked) = check(&view)
        {
            return Ok((checked, Some(term)));
        }
        let view = self.strong().await?.view;
        Ok((check(&view)?, None))
    }

    /// Has a proposal committed, with the lines of the audit for the acts in it.
    async fn audited(&self, proposal: Proposal, term: Option<Term>) -> Result<Reply, Problem> {
        self.open_log().await?;
        let acts: Vec<_> = audit::acts(&proposal);
        let committed = self.commit(audit::noted(proposal, &acts), term).await;
        if let Err(problem) = &committed
            && problem.status() < 500
        {
            self.refusals.note_acts(&acts, problem.code());
        }
        committed
    }

    /// Opens the transparency log before the first write of a cluster, so that no fact is without
    /// its leaf.
    async fn open_log(&self) -> Result<(), Problem> {
        if self.log_open.load(Ordering::Relaxed) {
            return Ok(());
        }
        if query::log_head(&self.registry.view().0)?.is_none() {
            let seed = Digest::of(crate::random::token()?.as_bytes());
            let open = Command::Log(LogCommand::OpenLog(OpenLog { seed }));
            self.commit(Proposal { commands: vec![open] }, None).await?;
        }
        self.log_open.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Through the leader, or by this member as the leader of a term if one is named.
    async fn commit(&self, proposal: Proposal, term: Option<Term>) -> Result<Reply, Problem> {
        let room: Held = Arc::new(room(&self.writes, &proposal, audit::caller())?);
        let write = async {
            match term {
                Some(term) => self.registry.propose_in(term, proposal, Some(room)).await,
                None => self.registry.write(proposal, Some(room)).await,
            }
        };
        let written = timeout(self.propose_timeout, write).await;
        let written = written.map_err(|_| in_doubt("no answer in time"))?;
        match written.map_err(|error| self.unproposed(error))?.pop() {
            Some(Reply::Refused(refusal)) => Err(refusal.into()),
            Some(last) => Ok(last),
            None => Err(Problem::internal("a proposal without a reply")),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_core::command::PutBody;

    use super::*;

    #[test]
    fn one_callers_writes_leave_room_for_those_of_others_and_of_the_system() {
        let writes = Places::new(SHARES);
        let from = |last: u8| Some(Source::of([192, 0, 2, last].into()));
        let large =
            Proposal { commands: vec![Command::PutBody(PutBody { bytes: vec![0; 1 << 20] })] };
        let take = |caller| room(&writes, &large, Some(caller));
        let all = |source| std::iter::repeat_with(move || take((Principal::Anonymous, source)));
        let greedy: Vec<_> = all(from(1)).map_while(Result::ok).collect();
        assert_eq!(greedy.len(), 12, "half of what is open to strangers");
        let refused = take((Principal::Anonymous, from(1))).unwrap_err();
        assert_eq!(refused.code(), Code::ShareReached);
        let other = take((Principal::Anonymous, from(2))).unwrap();
        let crowd: Vec<_> = (3..40).flat_map(|n| all(from(n)).map_while(Result::ok)).collect();
        assert!(greedy.len() + crowd.len() < 24, "a quarter is kept");
        let systems: Vec<_> = (0..8).map(|_| take((Principal::Operator, None)).unwrap()).collect();
        drop((greedy, other, crowd, systems));
        assert_eq!(writes.taken(), 0);
    }

    #[test]
    fn small_writes_of_one_member_take_half_of_the_queues_places() {
        let writes = Places::new(SHARES);
        let small = Proposal { commands: Vec::new() };
        let taken: Vec<_> =
            std::iter::repeat_with(|| room(&writes, &small, None)).map_while(Result::ok).collect();
        assert_eq!(taken.len(), QUEUE_PROPOSALS_MAX / 2);
        let refused = room(&writes, &small, None).unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded, "the system has no share");
    }
}
