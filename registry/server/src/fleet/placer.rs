//! Placement: pending tasks go to nodes with room, and nodes are told what to do. `fair` of the core decides which task
//! is next, `rank::place` which node gets it. A task is never sent before its assignment is committed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use proto_types::{Digest, Handle, Namespace, NodeId};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;
use registry_api::{Problem, decode, render};
use registry_core::command::{AssignTask, Command};
use registry_core::entry::{AgentEntry, TaskEntry, TaskState};
use registry_core::fair::{Load, Next};
use registry_core::query;
use registry_core::rank::{self, Candidate, Needs, Unplaced};
use registry_core::view::View;
use registry_core::viewer::Disclosure;
use tokio::time::Instant;

use crate::lookup;
use crate::member::Member;

use super::tolerate;

/// Tasks assigned in one pass: they share few log entries. Arbitrary.
const ASSIGNED_MAX_PER_PASS: usize = 256;

/// Queues tried in one pass. Those that no node can run are tried last, so more of them than this hold nobody up.
const TRIED_MAX: usize = 1_024;

/// Newly pending tasks read in one pass: a fresh leader with a long queue must still hear its nodes.
const READ_MAX: usize = 4_096;

/// Tasks of one node looked at in one pass; far above the slots of any machine we know.
const ASSIGNED_MAX: usize = 4_096;

/// A node with room, as one pass sees it.
struct Room {
    candidate: Candidate,
    cached: BTreeSet<Digest>,
}

/// Assigns waiting tasks to nodes with room.
pub(super) async fn place(member: &Member) -> Result<(), Problem> {
    let view = member.registry.view().0;
    read_waiting(member, &view)?;
    if member.fleet.waiting().is_empty() {
        return Ok(());
    }
    let (mut rooms, load) = rooms(member, &view)?;
    let chosen = choose_all(member, &view, &mut rooms, load)?;
    let full = chosen.len() == ASSIGNED_MAX_PER_PASS;
    let assigned = chosen.into_iter().map(|(next, node)| async move {
        let id = next.task.clone();
        let assigned =
            member.write_command(Command::AssignTask(AssignTask { id, node: node.clone() })).await;
        let assigned = tolerate(assigned);
        match &assigned {
            Ok(Some(_)) => member.fleet.touch(node),
            // If it still waits it goes back into its line; if not, that shows when it is chosen.
            _ => member.fleet.waiting().add(next),
        }
        assigned.map(drop)
    });
    let assigned: Vec<Result<(), Problem>> = join_all(assigned).await;
    if full {
        member.fleet.wake();
    }
    assigned.into_iter().collect()
}

/// Puts what came to wait since the last pass into its queue.
fn read_waiting(member: &Member, view: &dyn View) -> Result<(), Problem> {
    let after = member.fleet.waiting().read_through;
    let pending = query::pending_tasks_after(view, after, READ_MAX)?;
    let Some(last) = pending.last() else { return Ok(()) };
    let (through, more) = (last.revision, pending.len() == READ_MAX);
    let mut namespaces = Namespaces::default();
    for task in pending {
        let namespace = namespaces.of(view, &task.agent)?;
        let TaskEntry { agent, owner, revision, id: task, .. } = task;
        let owner = owner.into();
        member.fleet.waiting().add(Next { namespace, agent, owner, revision, task });
    }
    member.fleet.waiting().read_through = through;
    let open = usize::try_from(query::open_tasks(view)?).unwrap_or(usize::MAX);
    let anew = member.fleet.waiting().begin_anew_beyond(open.saturating_add(READ_MAX));
    if more || anew {
        member.fleet.wake();
    }
    Ok(())
}

/// The namespaces of agents, each looked up once.
#[derive(Default)]
struct Namespaces(BTreeMap<Handle, Namespace>);

impl Namespaces {
    fn of(&mut self, view: &dyn View, agent: &Handle) -> Result<Namespace, Problem> {
        if let Some(known) = self.0.get(agent) {
            return Ok(known.clone());
        }
        let namespace = query::agent(view, agent)?.map(|agent| agent.namespace).unwrap_or_default();
        self.0.insert(agent.clone(), namespace.clone());
        Ok(namespace)
    }
}

/// Every live node and the slots that no task holds, and whose tasks run there.
fn rooms(member: &Member, view: &dyn View) -> Result<(Vec<Room>, Load), Problem> {
    let live: Vec<_> = {
        let table = member.fleet.table();
        let seen = table.all().map(|(node, live)| {
            (node.clone(), live.capacity.clone(), live.withheld, live.cached.clone())
        });
        seen.collect()
    };
    let (mut load, mut namespaces) = (Load::default(), Namespaces::default());
    let mut rooms = Vec::with_capacity(live.len());
    for (node, capacity, withheld, cached) in live {
        let Some(entry) = query::node(view, &node)? else { continue };
        let held = query::tasks_of_node(view, &node, ASSIGNED_MAX)?;
        for task in &held {
            load.add(&namespaces.of(view, &task.agent)?, &task.agent, task.owner.as_str());
        }
        let held = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let free_slots = capacity.slots.get().saturating_sub(held).saturating_sub(withheld);
        let state = entry.state;
        let candidate = Candidate { node, state, capacity, free_slots, cached: false };
        rooms.push(Room { candidate, cached });
    }
    Ok((rooms, load))
}

/// The tasks that are placed now, each with its node.
fn choose_all(
    member: &Member,
    view: &dyn View,
    rooms: &mut [Room],
    mut load: Load,
) -> Result<Vec<(Next, NodeId)>, Problem> {
    let (mut chosen, mut passed) = (Vec::new(), BTreeSet::new());
    let mut waiting = member.fleet.waiting();
    while chosen.len() < ASSIGNED_MAX_PER_PASS && passed.len() < TRIED_MAX && has_room(rooms) {
        let Some(next) = waiting.next(&load, &passed) else { break };
        let task = query::task(view, &next.task)?;
        let waits = task
            .is_some_and(|task| task.state == TaskState::Pending && task.revision == next.revision);
        let Some(agent) = query::agent(view, &next.agent)?.filter(|_| waits) else {
            waiting.remove(&next);
            continue;
        };
        let placed = choose(&agent, rooms);
        waiting.tried(&next, !matches!(placed, Err(Unplaced::Nowhere(_))));
        let Ok(node) = placed else {
            passed.insert(next.agent);
            continue;
        };
        waiting.take(&next);
        load.add(&next.namespace, &next.agent, &next.owner);
        chosen.push((next, node));
    }
    Ok(chosen)
}

fn has_room(rooms: &[Room]) -> bool {
    rooms.iter().any(|room| room.candidate.free_slots > 0)
}

/// The node for one run of the agent; its slot is taken.
fn choose(agent: &AgentEntry, rooms: &mut [Room]) -> Result<NodeId, Unplaced> {
    let candidates: Vec<_> = rooms
        .iter()
        .map(|room| {
            let cached = room.cached.contains(&agent.artifact);
            Candidate { cached, ..room.candidate.clone() }
        })
        .collect();
    let node = rank::place(&Needs::from(agent), &candidates)?;
    let taken = rooms.iter_mut().find(|room| room.candidate.node == node);
    taken.ok_or(Unplaced::Busy)?.candidate.free_slots -= 1;
    Ok(node)
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
        agent: Some(render::directory::agent(&agent, Disclosure::Whole, card)),
        input: input.into(),
        deadline_ms: task.deadline.0,
        reply_to: reply_to(view, task)?,
        history: history(view, task)?,
    }))
}

/// Where its events go, unless it is no gateway's address any more.
fn reply_to(view: &dyn View, task: &TaskEntry) -> Result<Option<wire::ReplyTo>, Problem> {
    let Some(reply_to) = &task.reply_to else { return Ok(None) };
    let gateway = query::gateway(view, &reply_to.gateway)?;
    let own = gateway.is_some_and(|gateway| gateway.endpoint == reply_to.endpoint);
    Ok(own.then(|| render::fleet::reply_to(reply_to)))
}

/// What was said in the task before its newest message.
fn history(view: &dyn View, task: &TaskEntry) -> Result<Vec<bytes::Bytes>, Problem> {
    let mut history = Vec::new();
    for turn in &task.turns {
        let wire::Turn { input, outcome } = lookup::said(view, turn)?;
        history.push(input);
        history.extend(decode::task::closing_message(&outcome).map(bytes::Bytes::from));
    }
    Ok(history)
}
