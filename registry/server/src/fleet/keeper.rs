//! Leases and deadlines: what time alone changes.
//!
//! It decides that a silent node is lost and that an overdue task ends. It must never call a node
//! lost within one lease of an election: the node may be talking to the old leader.

use futures_util::future::join_all;
use proto_types::NodeId;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;
use registry_api::Problem;
use registry_core::command::{Command, Proposal};
use registry_core::entry::{Capacity, NodeState, TaskState};
use registry_core::query;
use tokio::time::Instant;

use crate::member::Member;

use super::tolerate;

/// Nodes read at a time.
const PAGE: usize = 1_000;

/// Overdue tasks ended in one pass; the next pass takes the rest.
const OVERDUE_MAX: usize = 256;

/// Starts a reign: every node that is not lost has one lease to dial in.
pub(super) async fn begin(member: &Member) -> Result<(), Problem> {
    // A fresh leader may not have applied yet what the old one had acknowledged.
    let view = member.strong().await?.view;
    let mut joined: Vec<NodeId> = Vec::new();
    let mut after: Option<NodeId> = None;
    loop {
        let page = query::nodes(&view, after.as_ref(), PAGE)?;
        after = page.last().map(|node| node.id.clone());
        let full = page.len() == PAGE;
        let present = page.into_iter().filter(|node| node.state != NodeState::Lost);
        joined.extend(present.map(|node| node.id));
        if !full {
            break;
        }
    }
    member.fleet.table().begin(joined, Instant::now() + member.fleet.ttl);
    member.fleet.reigns.send_replace(true);
    Ok(())
}

/// Commits the loss of every node whose lease has run out.
pub(super) async fn expire_leases(member: &Member, now: Instant) -> Result<(), Problem> {
    let expired = member.fleet.table().expired(now);
    let lost = expired.into_iter().map(|node| async move {
        tracing::warn!(%node, "the node's lease has run out");
        let committed = tolerate(set_state(member, &node, NodeState::Lost, None).await);
        if committed.is_err() {
            member.fleet.table().retry(node, now + member.fleet.ttl / 4);
        }
        committed.map(drop)
    });
    join_all(lost).await.into_iter().collect()
}

/// Ends tasks whose deadline has passed, and tells the nodes that hold them.
pub(super) async fn expire_tasks(member: &Member) -> Result<(), Problem> {
    let overdue = query::overdue_tasks(&member.registry.view().0, member.clock.now(), OVERDUE_MAX)?;
    let ended = overdue.into_iter().map(|task| async move {
        let ended = member.commit(Command::ExpireTask { id: task.id.clone() }).await;
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
        let kept = query::node(&view, &node)?;
        if kept.is_some_and(|kept| kept.state != wanted) {
            tolerate(set_state(member, &node, wanted, None).await)?;
        }
    }
    Ok(())
}

/// Commits a transition of a node.
pub(super) async fn set_state(
    member: &Member,
    node: &NodeId,
    state: NodeState,
    capacity: Option<Capacity>,
) -> Result<(), Problem> {
    let command = Command::SetNodeState { id: node.clone(), state, capacity };
    member.propose(Proposal { commands: vec![command] }).await?;
    member.fleet.wake();
    Ok(())
}
