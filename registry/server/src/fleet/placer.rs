//! Placement: pending tasks go to nodes with room, and nodes hear what they have to do.
//!
//! It decides which tasks are looked at and when a node is told. Which node gets a task is decided
//! by `rank::place`. It must never send a task that is not committed to that node.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use proto_types::{Digest, NodeId};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;
use registry_api::{Problem, render};
use registry_core::command::Command;
use registry_core::entry::{AgentEntry, TaskEntry};
use registry_core::query;
use registry_core::rank::{self, Candidate, Needs};
use registry_core::view::View;
use registry_core::viewer::Sight;
use tokio::time::Instant;

use crate::member::Member;

use super::tolerate;

/// Pending tasks looked at in one pass: they share few log entries. Arbitrary.
const PENDING_MAX: usize = 256;

/// Tasks of one node looked at in one pass; far above the slots of any machine we know.
const ASSIGNED_MAX: usize = 4_096;

/// A node with room, as one pass sees it.
struct Room {
    candidate: Candidate,
    cached: BTreeSet<Digest>,
}

/// Assigns pending tasks to nodes with room.
pub(super) async fn place(member: &Member) -> Result<(), Problem> {
    let view = member.registry.view().0;
    let pending = query::pending_tasks(&view, PENDING_MAX)?;
    if pending.is_empty() {
        return Ok(());
    }
    let mut rooms = rooms(member, &view)?;
    let mut chosen = Vec::new();
    for task in pending {
        let Some(agent) = query::agent(&view, &task.agent)? else { continue };
        if let Some(node) = choose(&agent, &mut rooms) {
            chosen.push((task.id, node));
        }
    }
    let full = chosen.len() == PENDING_MAX;
    let assigned = chosen.into_iter().map(|(id, node)| async move {
        let assigned = member.commit(Command::AssignTask { id, node: node.clone() }).await;
        if tolerate(assigned)?.is_some() {
            member.fleet.touch(node);
        }
        Ok(())
    });
    let assigned: Vec<Result<(), Problem>> = join_all(assigned).await;
    if full {
        member.fleet.wake();
    }
    assigned.into_iter().collect()
}

/// Every live node and the slots that no task holds.
fn rooms(member: &Member, view: &dyn View) -> Result<Vec<Room>, Problem> {
    let live: Vec<_> = {
        let table = member.fleet.table();
        let seen = table.all().map(|(node, live)| {
            (node.clone(), live.capacity.clone(), live.withheld, live.cached.clone())
        });
        seen.collect()
    };
    let mut rooms = Vec::with_capacity(live.len());
    for (node, capacity, withheld, cached) in live {
        let Some(entry) = query::node(view, &node)? else { continue };
        let held = query::tasks_of_node(view, &node, ASSIGNED_MAX)?.len();
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        let free_slots = capacity.slots.saturating_sub(held).saturating_sub(withheld);
        let state = entry.state;
        let candidate = Candidate { node, state, capacity, free_slots, cached: false };
        rooms.push(Room { candidate, cached });
    }
    Ok(rooms)
}

/// The node for one run of the agent; its slot is taken.
fn choose(agent: &AgentEntry, rooms: &mut [Room]) -> Option<NodeId> {
    let open = rooms.iter().filter(|room| room.candidate.free_slots > 0);
    let candidates: Vec<_> = open
        .map(|room| {
            let cached = room.cached.contains(&agent.artifact);
            Candidate { cached, ..room.candidate.clone() }
        })
        .collect();
    let node = rank::place(&Needs::from(agent), &candidates).ok()?;
    let room = rooms.iter_mut().find(|room| room.candidate.node == node)?;
    room.candidate.free_slots -= 1;
    Some(node)
}

/// Tells nodes what is assigned to them and what is to be cancelled, as far as they do not know.
pub(super) fn tell(member: &Member, nodes: &BTreeSet<NodeId>, now: Instant) -> Result<(), Problem> {
    let view = member.registry.view().0;
    for node in nodes {
        let tasks = query::tasks_of_node(&view, node, ASSIGNED_MAX)?;
        let orders = orders(member, &view, node, &tasks, now)?;
        let mut table = member.fleet.table();
        orders.into_iter().for_each(|order| table.send(node, order));
    }
    Ok(())
}

fn orders(
    member: &Member,
    view: &dyn View,
    node: &NodeId,
    tasks: &[TaskEntry],
    now: Instant,
) -> Result<Vec<Kind>, Problem> {
    let (untold, cancelled) = news(member, node, tasks, now);
    let mut orders = Vec::with_capacity(untold.len() + cancelled.len());
    for task in untold {
        orders.extend(assigned(view, task)?.map(Kind::Assigned));
    }
    // A cancellation means something only after its assignment.
    let cancel = |task: &TaskEntry| wire::Cancel { task: task.id.to_string(), epoch: task.epoch.0 };
    orders.extend(cancelled.into_iter().map(cancel).map(Kind::Cancel));
    Ok(orders)
}

/// The tasks that the node has to hear of, and those it has to cancel, as far as there is room.
fn news<'t>(
    member: &Member,
    node: &NodeId,
    tasks: &'t [TaskEntry],
    now: Instant,
) -> (Vec<&'t TaskEntry>, Vec<&'t TaskEntry>) {
    let (mut untold, mut cancelled) = (Vec::new(), Vec::new());
    let mut table = member.fleet.table();
    let Some(live) = table.live(node) else { return (untold, cancelled) };
    live.keep_only(&tasks.iter().map(|task| task.id.clone()).collect());
    for task in tasks {
        if untold.len() + cancelled.len() >= live.room() {
            break;
        }
        if live.must_tell(&task.id, task.epoch, now) {
            untold.push(task);
        }
        if task.cancel_requested && live.must_cancel(&task.id) {
            cancelled.push(task);
        }
    }
    (untold, cancelled)
}

/// Everything a node needs to run the task; `None` if its agent is gone.
fn assigned(view: &dyn View, task: &TaskEntry) -> Result<Option<wire::Assigned>, Problem> {
    let Some(agent) = query::agent(view, &task.agent)? else { return Ok(None) };
    let card = query::body(view, &agent.card)?.unwrap_or_default();
    let input = query::body(view, &task.input)?.unwrap_or_default();
    Ok(Some(wire::Assigned {
        task: task.id.to_string(),
        epoch: task.epoch.0,
        context: task.context.to_string(),
        agent: Some(render::directory::agent(&agent, Sight::Whole, card)),
        input: input.into(),
        deadline_ms: task.deadline.0,
        reply_to: task.reply_to.as_ref().map(render::fleet::reply_to),
    }))
}
