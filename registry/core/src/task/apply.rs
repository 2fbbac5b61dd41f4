//! The decisions about tasks on their way to a node: submitted, assigned, put back. A lease epoch is never handed out
//! twice, a task is never placed outside of its agent's isolation set, and no token is spent for a task that is refused.

use proto_types::{LeaseEpoch, NodeId, WallMs};

use crate::agent::entry::Hosted;
use crate::agent::table::AGENTS;
use crate::bound;
use crate::change::{Effect, Refusal, Reply};
use crate::draft::{Draft, Outcome, Stop};
use crate::epoch;
use crate::index;
use crate::layout;
use crate::node::entry::{NodeEntry, NodeState};
use crate::node::table::NODES;
use crate::token::apply::spend_as_condition;
use crate::view::{Read, Space, ViewError};

use super::command::{AssignTask, ReleaseTask, SubmitTask};
use super::ending;
use super::entry::{TaskEnd, TaskEntry, TaskState};
use super::open::{self, keep, open};
use super::table::{self, TASKS};

/// Placements of one task: more failures in a row are the task's fault, not the nodes'.
const ATTEMPTS_MAX: u32 = 5;

/// Tasks put back per scan of a lost node's tasks.
const PUT_BACK_PAGE: usize = 1_000;

pub(crate) fn submit(draft: &mut Draft<'_>, command: &SubmitTask) -> Outcome {
    let mut task = task_of(command, draft.now());
    if let Some(kept) = draft.entry(&TASKS, task.id.as_str())? {
        if same_request(&kept, &task) {
            return Ok(Reply::Task(Box::new(kept)));
        }
        return Err(bound::conflict("task", task.id.as_str()).into());
    }
    // The id is drawn for one request: the same task again is that request again, which has paid.
    if let Some(token) = &command.token {
        spend_as_condition(draft, token)?;
    }
    open(draft, &mut task)?;
    if let Some(node) = &command.node {
        task = offered(draft, task, node)?;
    }
    keep(draft, None, &mut task)?;
    draft.effect(match &task.state {
        TaskState::Assigned { node } => assignment(&task, node),
        _ => Effect::TaskPending(task.id.clone()),
    });
    Ok(Reply::Task(Box::new(task)))
}

/// The task on the node that the leader names, or pending: what has become of the node since is no reason to refuse.
fn offered(draft: &Draft<'_>, task: TaskEntry, node: &NodeId) -> Result<TaskEntry, Stop> {
    let Some(node) = draft.entry(&NODES, node.as_str())? else { return Ok(task) };
    let agent = draft.existing(&AGENTS, task.agent.as_str())?;
    match check_node(draft, &node, (agent.runnable()?, task.counted)) {
        Ok(()) => Ok(placed(draft, &task, &node.id)?),
        Err(Stop::Refused(_)) => Ok(task),
        Err(broken) => Err(broken),
    }
}

pub(crate) fn assign(draft: &mut Draft<'_>, command: &AssignTask) -> Outcome {
    let AssignTask { id, node } = command;
    let kept = draft.existing(&TASKS, id.as_str())?;
    match kept.state {
        TaskState::Pending => {}
        TaskState::Ended { .. } => return Err(Refusal::TaskEnded(id.clone()).into()),
        TaskState::Assigned { .. } => return Err(bound::conflict("task", id.as_str()).into()),
    }
    bound::not_past(kept.deadline, draft.now())?;
    let agent = draft.existing(&AGENTS, kept.agent.as_str())?;
    let entry = draft.existing(&NODES, node.as_str())?;
    check_node(draft, &entry, (agent.runnable()?, kept.counted))?;
    let mut task = placed(draft, &kept, node)?;
    keep(draft, Some(&kept), &mut task)?;
    draft.effect(assignment(&task, node));
    Ok(Reply::Task(Box::new(task)))
}

/// The task on a node, under its next epoch.
fn placed(draft: &Draft<'_>, task: &TaskEntry, node: &NodeId) -> Read<TaskEntry> {
    Ok(TaskEntry {
        state: TaskState::Assigned { node: node.clone() },
        epoch: epoch::next_lease(draft.view(), task.epoch)?,
        attempts: task.attempts + 1,
        ..task.clone()
    })
}

/// That the node is to be told.
fn assignment(task: &TaskEntry, node: &NodeId) -> Effect {
    Effect::TaskAssigned(task.id.clone(), node.clone(), task.epoch)
}

pub(crate) fn release(draft: &mut Draft<'_>, command: &ReleaseTask) -> Outcome {
    let ReleaseTask { id, epoch, reason } = command;
    let kept = draft.existing(&TASKS, id.as_str())?;
    match kept.state {
        TaskState::Ended { .. } => Err(Refusal::TaskEnded(id.clone()).into()),
        _ if *epoch != kept.epoch => {
            let (current, offered) = (kept.epoch, *epoch);
            Err(Refusal::StaleEpoch { current, offered }.into())
        }
        TaskState::Pending => Ok(Reply::Task(Box::new(kept))),
        TaskState::Assigned { .. } => {
            Ok(Reply::Task(Box::new(put_back(draft, kept, reason.as_str())?)))
        }
    }
}

/// Puts back whatever the node holds.
pub(crate) fn put_back_all(draft: &mut Draft<'_>, node: &NodeId) -> Result<(), Stop> {
    let prefix = table::tasks_of_node(node);
    let end = layout::past(&prefix);
    loop {
        // What was put back is gone from the index, so each scan starts at the front again.
        let held = index::ids(draft.view(), (&prefix, &end), PUT_BACK_PAGE)?;
        if held.is_empty() {
            return Ok(());
        }
        for id in held {
            let task = draft.existing(&TASKS, &id)?;
            put_back(draft, task, "its node was lost")?;
        }
    }
}

/// Back to pending, unless nobody wants it any more or nobody could run it.
fn put_back(draft: &mut Draft<'_>, kept: TaskEntry, why: &str) -> Result<TaskEntry, ViewError> {
    if kept.cancel_requested {
        let reason = Some(ending::CANCELED.to_owned());
        return ending::end(draft, &kept, TaskEnd::Canceled, None, reason);
    }
    if kept.attempts >= ATTEMPTS_MAX {
        let reason = Some(format!("no node could run it: {why}"));
        return ending::end(draft, &kept, TaskEnd::Failed, None, reason);
    }
    let mut task = TaskEntry { state: TaskState::Pending, ..kept.clone() };
    keep(draft, Some(&kept), &mut task)?;
    draft.effect(Effect::TaskPending(task.id.clone()));
    Ok(task)
}

/// For a task of an agent, which the node's number of tasks will count or not.
fn check_node(
    draft: &Draft<'_>,
    node: &NodeEntry,
    (agent, counted): (&Hosted, bool),
) -> Result<(), Stop> {
    if node.state != NodeState::Joined {
        return Err(bound::invalid("node", "is not joined").into());
    }
    if !node.capacity.isolation.meets(&agent.isolation) {
        return Err(bound::invalid("node", "offers no isolation class the agent accepts").into());
    }
    let slots = node.capacity.slots.get();
    let held = match counted {
        true => open::node_tasks(draft, &node.id)?,
        false => {
            let prefix = table::tasks_of_node(&node.id);
            let end = layout::past(&prefix);
            draft.view().count(Space::Index, &prefix, &end, slots as usize)? as u64
        }
    };
    if held >= u64::from(slots) {
        return Err(bound::full("slots of the node", slots.into()).into());
    }
    Ok(())
}

/// A repetition may name another gateway to answer to, and another deadline: the first stand. The task may have had further
/// messages since: the one that it began with counts.
fn same_request(kept: &TaskEntry, offered: &TaskEntry) -> bool {
    let request = |task: &TaskEntry| {
        let first = task.turns.first().map_or(task.input, |turn| turn.input);
        (first, task.agent.clone(), task.context.clone(), task.owner.clone())
    };
    request(kept) == request(offered)
}

fn task_of(command: &SubmitTask, now: WallMs) -> TaskEntry {
    TaskEntry {
        id: command.id.clone(),
        context: command.context.clone(),
        agent: command.agent.clone(),
        owner: command.owner.clone(),
        input: command.input,
        turns: Vec::new(),
        turn_bytes: 0,
        reply_to: command.reply_to.clone(),
        gateway: command.gateway.clone(),
        traceparent: command.traceparent.clone(),
        deadline: command.deadline,
        state: TaskState::Pending,
        epoch: LeaseEpoch(0),
        attempts: 0,
        cancel_requested: false,
        in_context: true,
        shared: command.shared,
        bytes: command.metered.then_some(0),
        push: Vec::new(),
        counted: command.counted,
        listed: command.listed,
        submitted_at: now,
        changed_at: now,
        revision: Default::default(),
    }
}
