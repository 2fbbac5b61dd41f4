//! Placement of the tasks that wait: they go to nodes with room. `fair` of the core decides which task is next,
//! `rank::place` which node gets it. It never takes a slot that a submission on its way was given (`pick.rs`).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use proto_types::{Digest, Handle, Namespace, NodeId, TaskId};
use registry_api::Problem;
use registry_core::command::{AssignTask, Command};
use registry_core::entry::{Hosted, TaskEntry, TaskState};
use registry_core::fair::{Load, Next};
use registry_core::query;
use registry_core::rank::{self, Candidate, Needs, Unplaced};
use registry_core::view::View;

use crate::member::Member;

use super::tolerate;
use super::under_way::Placement;

/// Tasks assigned in one pass: they share few log entries. Arbitrary.
const ASSIGNED_MAX_PER_PASS: usize = 256;

/// Queues tried in one pass. Those that no node can run are tried last, so more of them than this hold nobody up.
const TRIED_MAX: usize = 1_024;

/// Newly pending tasks read in one pass: a fresh leader with a long queue must still hear its nodes.
const READ_MAX: usize = 4_096;

/// Tasks of one node counted in one pass; far above the slots of any machine we know.
const ASSIGNED_MAX: usize = 4_096;

/// A node with room, as one pass sees it.
struct Room {
    candidate: Candidate,
    cached: BTreeSet<Digest>,
}

/// A waiting task, its node, and the slot that it has there meanwhile.
type Chosen = (Next, NodeId, Placement);

/// Assigns waiting tasks to nodes with room; if `all`, those too that no node could run when they were tried last.
pub(super) async fn place(member: &Member, all: bool) -> Result<(), Problem> {
    let fleet = &member.fleet;
    read_waiting(member, &member.registry.view().0)?;
    let waits = {
        let waiting = fleet.waiting();
        waiting.placeable() > 0 || (all && !waiting.is_empty())
    };
    fleet.under_way.await_slots(waits);
    if !waits {
        return Ok(());
    }
    // Read before the state: what is under way no more is in it, and so is a node that has come.
    let (round, under_way) = (fleet.waiting().round(), fleet.under_way.slots());
    let view = member.registry.view().0;
    let (mut rooms, load) = rooms(member, &view, &under_way)?;
    let chosen = choose_all(member, &view, &mut rooms, load, round)?;
    fleet.under_way.await_slots(fleet.waiting().placeable() > 0);
    let full = chosen.len() == ASSIGNED_MAX_PER_PASS;
    let assigned = join_all(chosen.into_iter().map(|chosen| assign(member, chosen))).await;
    // After a failure not at once: the log may take nothing for a while.
    assigned.into_iter().collect::<Result<(), _>>()?;
    if full {
        fleet.wake();
    }
    Ok(())
}

/// Has an assignment committed. A task that still waits goes back into its line; if it does not wait, that shows when it is
/// chosen.
async fn assign(member: &Member, (next, node, placement): Chosen) -> Result<(), Problem> {
    let assign = AssignTask { id: next.task.clone(), node };
    let assigned = tolerate(member.write_command(Command::AssignTask(assign)).await);
    if !matches!(assigned, Ok(Some(_))) {
        member.fleet.waiting().add(next);
    }
    // Not before it waits again: a submission would take its slot.
    placement.settle();
    assigned.map(drop)
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

/// Every live node and the slots that no task holds or is about to, and whose tasks run there.
fn rooms(
    member: &Member,
    view: &dyn View,
    under_way: &BTreeMap<NodeId, BTreeSet<TaskId>>,
) -> Result<(Vec<Room>, Load), Problem> {
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
        let taken = u32::try_from(taken(&held, under_way.get(&node))).unwrap_or(u32::MAX);
        let free_slots = capacity.slots.get().saturating_sub(taken).saturating_sub(withheld);
        let state = entry.state;
        let candidate = Candidate { node, state, capacity, free_slots, cached: false };
        rooms.push(Room { candidate, cached });
    }
    Ok((rooms, load))
}

/// How many slots of a node are taken: by what it holds, and by what is under way to it and not yet among that.
fn taken(held: &[TaskEntry], under_way: Option<&BTreeSet<TaskId>>) -> usize {
    let Some(under_way) = under_way else { return held.len() };
    let both = held.iter().filter(|task| under_way.contains(&task.id)).count();
    (held.len() + under_way.len()).saturating_sub(both)
}

/// The tasks that are placed now, each with its node. The queues are not locked for all of it: a submission asks them too.
fn choose_all(
    member: &Member,
    view: &dyn View,
    rooms: &mut [Room],
    mut load: Load,
    round: u64,
) -> Result<Vec<Chosen>, Problem> {
    let (mut chosen, mut passed) = (Vec::new(), BTreeSet::new());
    let fleet = &member.fleet;
    while chosen.len() < ASSIGNED_MAX_PER_PASS && passed.len() < TRIED_MAX && has_room(rooms) {
        let Some(next) = fleet.waiting().next(&load, &passed) else { break };
        let Some(agent) = agent_of(view, &next)? else {
            fleet.waiting().remove(&next);
            continue;
        };
        let placed = choose(&agent, rooms);
        fleet.waiting().tried(&next, !matches!(placed, Err(Unplaced::Nowhere(_))), round);
        let Ok(node) = placed else {
            passed.insert(next.agent);
            continue;
        };
        // Before it is taken out: a submission never finds it in neither place.
        let placement = fleet.under_way.begin(next.task.clone(), Some(node.clone()));
        fleet.waiting().take(&next);
        load.add(&next.namespace, &next.agent, &next.owner);
        chosen.push((next, node, placement));
    }
    Ok(chosen)
}

/// The agent of a task that waits still.
fn agent_of(view: &dyn View, next: &Next) -> Result<Option<Hosted>, Problem> {
    let waits =
        |task: TaskEntry| task.state == TaskState::Pending && task.revision == next.revision;
    let waits = query::task(view, &next.task)?.is_some_and(waits);
    let agent = query::agent(view, &next.agent)?.filter(|_| waits);
    Ok(agent.and_then(|agent| agent.hosted().cloned()))
}

fn has_room(rooms: &[Room]) -> bool {
    rooms.iter().any(|room| room.candidate.free_slots > 0)
}

/// The node for one run of the agent; its slot is taken.
fn choose(agent: &Hosted, rooms: &mut [Room]) -> Result<NodeId, Unplaced> {
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
