//! Leases and deadlines: what time alone changes.
//!
//! It decides that a silent node is lost and that an overdue task ends. It must never call a node
//! lost that it could not have heard: a leader that has just begun, or was stopped, hears first.
//!
//! **How long a dead node keeps its tasks.** Its lease runs out one lease after its last beat. If leadership moves before
//! that, the new leader commits that the node is silent, and every later leader counts from there, not anew: a lease and a
//! quarter after it the node is lost. So it is two leases and a quarter in all, and the elections. A leader that is
//! stopped meanwhile adds one lease.
//!
//! A node has killed its own tasks before that: a leader grants what is left of a lease that began when a majority heard it
//! last (`session.rs`), and the node uses three quarters of it.

use std::time::Duration;

use futures_util::future::join_all;
use proto_types::{NodeId, WallMs};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;
use registry_api::Problem;
use registry_core::change::Reply;
use registry_core::command::{Command, ExpireTask, FleetCommand, HearNode, Proposal, SetNodeState};
use registry_core::entry::{Capacity, NodeState, TaskState};
use registry_core::query;
use tokio::time::Instant;

use crate::member::Member;

use super::tolerate;

/// Nodes read at a time.
const PAGE: usize = 1_000;

/// Overdue tasks ended in one pass; the next pass takes the rest.
const OVERDUE_MAX: usize = 256;

/// Begins to lead: every node that is not lost has time to dial in.
pub(super) async fn begin(member: &Member) -> Result<(), Problem> {
    // A fresh leader may not have applied yet what the old one had acknowledged.
    member.strong().await?;
    propose(member, FleetCommand::CallNodes.into()).await?;
    let view = member.registry.view().0;
    let (began, ttl, clock) = (Instant::now(), member.fleet.ttl, query::clock(&view)?);
    let mut silent = Vec::new();
    let mut after: Option<NodeId> = None;
    loop {
        let page = query::nodes(&view, after.as_ref(), PAGE)?;
        after = page.last().map(|node| node.id.clone());
        let full = page.len() == PAGE;
        let present = page.into_iter().filter(|node| node.state != NodeState::Lost);
        silent.extend(present.map(|node| (node.id, began + grace(ttl, node.silent_since, clock))));
        if !full {
            break;
        }
    }
    member.fleet.begin(silent);
    Ok(())
}

/// How long a leader that begins at `clock` gives a node: a lease, but no more than is left of a lease and a quarter that
/// began with its silence. The quarter is for dialling a leader that has just begun.
fn grace(ttl: Duration, silent_since: Option<WallMs>, clock: WallMs) -> Duration {
    let silent = silent_since.map_or(0, |since| clock.since(since));
    (ttl + ttl / 4).saturating_sub(Duration::from_millis(silent)).min(ttl)
}

/// Commits the loss of every node whose lease has run out.
pub(super) async fn expire_leases(member: &Member, now: Instant) -> Result<(), Problem> {
    let expired = member.fleet.table().expired(now);
    let lost = expired.into_iter().map(|node| async move {
        tracing::warn!(%node, "the node's lease has run out");
        let (id, state, capacity) = (node.clone(), NodeState::Lost, None);
        // In this term only: another leader may hear the node.
        let lost = Command::SetNodeState(SetNodeState { id, state, capacity });
        let committed = tolerate(propose(member, lost).await);
        if committed.is_err() {
            member.fleet.table().retry(node, now + member.fleet.ttl / 4);
        }
        member.fleet.wake();
        committed.map(drop)
    });
    join_all(lost).await.into_iter().collect()
}

/// Proposes as the leader of this term, or not at all.
async fn propose(member: &Member, command: Command) -> Result<Reply, Problem> {
    let (_, term) = member.registry.leader_view().ok_or_else(|| member.not_leader())?;
    member.propose_in(term, Proposal { commands: vec![command] }).await
}

/// Ends tasks whose deadline has passed, those that waited with why, and tells the nodes that hold them.
pub(super) async fn expire_tasks(member: &Member) -> Result<(), Problem> {
    let overdue = query::overdue_tasks(&member.registry.view().0, member.clock.now(), OVERDUE_MAX)?;
    let ended = overdue.into_iter().map(|task| async move {
        let waits_for = member.fleet.unplaced(&member.registry.view().0, &task)?;
        let ended = member
            .write_command(Command::ExpireTask(ExpireTask { id: task.id.clone(), waits_for }))
            .await;
        if let (Some(_), TaskState::Assigned { node }) = (tolerate(ended)?, &task.state) {
            let revoked = wire::Revoked { task: task.id.to_string(), epoch: task.epoch.0 };
            member.fleet.table().send(node, Kind::Revoked(revoked));
        }
        Ok(())
    });
    join_all(ended).await.into_iter().collect()
}

/// Commits what live sessions say of themselves where the state says otherwise: a loss may have
/// been committed after its node had dialled again.
pub(super) async fn settle_states(member: &Member) -> Result<(), Problem> {
    let view = member.registry.view().0;
    let said: Vec<_> = {
        let table = member.fleet.table();
        table.all().map(|(node, live)| (node.clone(), live.draining)).collect()
    };
    for (node, draining) in said {
        let wanted = if draining { NodeState::Draining } else { NodeState::Joined };
        let Some(kept) = query::node(&view, &node)? else { continue };
        let mut state = kept.state;
        if kept.silent_since.is_some() {
            tolerate(hear(member, &node, kept.capacity).await)?;
            state = NodeState::Joined;
        }
        if state != wanted {
            tolerate(set_state(member, &node, wanted).await)?;
        }
    }
    Ok(())
}

/// Commits that a node has a session.
pub(super) async fn hear(
    member: &Member,
    node: &NodeId,
    capacity: Capacity,
) -> Result<(), Problem> {
    let command = FleetCommand::HearNode(HearNode { id: node.clone(), capacity });
    member.write_command(command.into()).await?;
    // After it is committed: a pass that has not seen it says nothing of this node.
    member.fleet.waiting().try_all();
    member.fleet.wake();
    Ok(())
}

/// Commits what a node that has a session says of itself.
pub(super) async fn set_state(
    member: &Member,
    node: &NodeId,
    state: NodeState,
) -> Result<(), Problem> {
    let command = Command::SetNodeState(SetNodeState { id: node.clone(), state, capacity: None });
    member.write_command(command).await?;
    if state == NodeState::Joined {
        // As in `hear`.
        member.fleet.waiting().try_all();
    }
    member.fleet.wake();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_node_is_lost_within_a_stated_total_however_often_leadership_moves() {
        const TTL_MS: u64 = 4_000;
        /// More than any of these take within the stated total.
        const LEADERS: u64 = 1_000;
        let ttl = Duration::from_millis(TTL_MS);
        // The node dies at 0, just after a beat, and each leader leads for so long. The first has heard that beat.
        for leads_ms in [10, 100, 700, 1_000, 2_000, 3_900, 3_999] {
            let silent_since = Some(WallMs(leads_ms));
            let lost_ms = (1..=LEADERS).find_map(|leader| {
                let begins = leader * leads_ms;
                let grace = grace(ttl, silent_since, WallMs(begins));
                let ends = begins + u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
                (ends <= begins + leads_ms).then_some(ends)
            });
            let total = 2 * TTL_MS + TTL_MS / 4;
            assert!(lost_ms.is_some_and(|lost_ms| lost_ms <= total), "{leads_ms}: {lost_ms:?}");
        }
        assert_eq!(grace(ttl, Some(WallMs(5)), WallMs(5)), ttl, "a node has a lease to dial in");
        assert_eq!(grace(ttl, None, WallMs(5)), ttl);
    }
}
