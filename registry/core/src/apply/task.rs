//! Tasks on their way to a node: submitted, assigned, put back.
//! Decides who holds a task under which epoch; must never hand out an epoch twice, or place a task
//! where its agent's isolation set does not allow it.

mod context;
pub(super) mod ending;
pub(super) mod turn;

use proto_types::{Class, Full, LeaseEpoch, NodeId, Shares, WallMs};

use crate::change::{Effect, Refusal, Reply};
use crate::command::{AssignTask, ReleaseTask, SubmitTask};
use crate::counter::{self, OPEN_TASKS};
use crate::entry::{
    AgentEntry, ChangeKind, NodeEntry, NodeState, ReplyTo, TaskEnd, TaskEntry, TaskState,
};
use crate::epoch;
use crate::index;
use crate::layout;
use crate::table::{AGENTS, NODES, TASKS};
use crate::view::{Space, ViewError};

use super::bound::{self, DAY_MS, NAME_BYTES_MAX, REASON_BYTES_MAX, URL_BYTES_MAX};
use super::draft::{Draft, Outcome, Stop};
use super::storage;

/// A task is work that somebody waits for; what takes longer than a week is several tasks.
const DEADLINE_AHEAD_MS_MAX: u64 = 7 * DAY_MS;

/// Tasks that have not ended. Beyond it the fleet is too small, and the caller must hear it.
const OPEN_TASKS_MAX: u64 = 100_000;

/// The share of each caller in the open tasks: one alone can have three eighths of them, and a quarter is the operator's.
const SHARES: Shares = Shares::new(OPEN_TASKS_MAX);

/// Placements of one task: more failures in a row are the task's fault, not the nodes'.
const ATTEMPTS_MAX: u32 = 5;

/// Tasks put back per scan of a lost node's tasks.
const PUT_BACK_PAGE: usize = 1_000;

pub(super) fn submit(draft: &mut Draft<'_>, command: &SubmitTask) -> Outcome {
    let mut task = task_of(command, draft.now());
    bound::text("owner", &task.owner, NAME_BYTES_MAX)?;
    check_reply_to(task.reply_to.as_ref())?;
    if let Some(kept) = draft.entry(&TASKS, task.id.as_str())? {
        if same_request(&kept, &task) {
            return Ok(Reply::Task(Box::new(kept)));
        }
        return Err(bound::conflict("task", task.id.as_str()).into());
    }
    open(draft, &mut task)?;
    task.revision = draft.note(ChangeKind::Task, task.id.as_str(), false);
    draft.replace(&TASKS, None, &task);
    draft.effect(Effect::TaskPending(task.id.clone()));
    Ok(Reply::Task(Box::new(task)))
}

/// What each message asks for: time, an agent, its body, a place among the open tasks, and room for its bytes.
fn open(draft: &mut Draft<'_>, task: &mut TaskEntry) -> Result<(), Stop> {
    bound::not_past(task.deadline, draft.now())?;
    bound::near("deadline", task.deadline, draft.now(), DEADLINE_AHEAD_MS_MAX)?;
    draft.existing(&AGENTS, task.agent.as_str())?;
    let bytes = draft.require_body(&task.input)?;
    context::check(draft, task)?;
    take_place(draft, task)?;
    if let Some(counted) = task.bytes {
        let taken = storage::take(draft, sharer(task), bytes)?;
        task.bytes = Some(counted.saturating_add(taken));
    }
    Ok(())
}

/// Whose shares count the task; the operator has none.
fn sharer(task: &TaskEntry) -> Option<&str> {
    task.shared.then_some(task.owner.as_str())
}

/// One task more is open, if there is room for its owner.
fn take_place(draft: &mut Draft<'_>, task: &TaskEntry) -> Result<(), Stop> {
    let share = counter::task_share(&task.owner);
    let (open, own) = (draft.count(OPEN_TASKS)?, draft.count(&share)?);
    let class = if task.shared { Class::Ordinary } else { Class::System };
    SHARES.admit(class, open, own, 1).map_err(|full| match full {
        Full::Share => bound::share_full("open tasks of the caller", own),
        Full::Pool => bound::full("open tasks", open),
    })?;
    draft.set_count(OPEN_TASKS, open + 1);
    if task.shared {
        draft.set_count(&share, own + 1);
    }
    Ok(())
}

/// One task fewer is open.
fn leave_place(draft: &mut Draft<'_>, task: &TaskEntry) -> Result<(), ViewError> {
    let share = counter::task_share(&task.owner);
    let counters = [(OPEN_TASKS, true), (share.as_str(), task.shared)];
    for (counter, _) in counters.into_iter().filter(|(_, counts)| *counts) {
        let open = draft.count(counter)?;
        draft.set_count(counter, open.saturating_sub(1));
    }
    Ok(())
}

/// Forgets a task that has ended, and gives back what is counted for it.
pub(super) fn forget(draft: &mut Draft<'_>, ended: &TaskEntry) -> Result<(), ViewError> {
    if let Some(bytes) = ended.bytes {
        storage::give_back(draft, sharer(ended), bytes)?;
    }
    draft.remove(&TASKS, ended);
    Ok(())
}

pub(super) fn assign(draft: &mut Draft<'_>, command: &AssignTask) -> Outcome {
    let AssignTask { id, node } = command;
    let kept = draft.existing(&TASKS, id.as_str())?;
    match kept.state {
        TaskState::Pending => {}
        TaskState::Ended { .. } => return Err(Refusal::TaskEnded(id.clone()).into()),
        TaskState::Assigned { .. } => return Err(bound::conflict("task", id.as_str()).into()),
    }
    bound::not_past(kept.deadline, draft.now())?;
    let agent = draft.existing(&AGENTS, kept.agent.as_str())?;
    check_node(draft, &draft.existing(&NODES, node.as_str())?, &agent)?;
    let mut task = TaskEntry {
        state: TaskState::Assigned { node: node.clone() },
        epoch: epoch::next_lease(draft.view(), kept.epoch)?,
        attempts: kept.attempts + 1,
        ..kept.clone()
    };
    keep(draft, &kept, &mut task);
    draft.effect(Effect::TaskAssigned(id.clone(), node.clone(), task.epoch));
    Ok(Reply::Task(Box::new(task)))
}

pub(super) fn release(draft: &mut Draft<'_>, command: &ReleaseTask) -> Outcome {
    let ReleaseTask { id, epoch, reason } = command;
    bound::text("reason", reason, REASON_BYTES_MAX)?;
    let kept = draft.existing(&TASKS, id.as_str())?;
    match kept.state {
        TaskState::Ended { .. } => Err(Refusal::TaskEnded(id.clone()).into()),
        _ if *epoch != kept.epoch => {
            let (current, offered) = (kept.epoch, *epoch);
            Err(Refusal::StaleEpoch { current, offered }.into())
        }
        TaskState::Pending => Ok(Reply::Task(Box::new(kept))),
        TaskState::Assigned { .. } => Ok(Reply::Task(Box::new(put_back(draft, kept, reason)?))),
    }
}

/// Puts back whatever the node holds.
pub(super) fn put_back_all(draft: &mut Draft<'_>, node: &NodeId) -> Result<(), Stop> {
    let prefix = index::tasks_of_node(node);
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
    keep(draft, &kept, &mut task);
    draft.effect(Effect::TaskPending(task.id.clone()));
    Ok(task)
}

/// Keeps a task's next version under the next revision.
fn keep(draft: &mut Draft<'_>, kept: &TaskEntry, task: &mut TaskEntry) {
    task.changed_at = draft.now();
    task.revision = draft.note(ChangeKind::Task, task.id.as_str(), false);
    draft.replace(&TASKS, Some(kept), task);
}

fn check_node(draft: &Draft<'_>, node: &NodeEntry, agent: &AgentEntry) -> Result<(), Stop> {
    if node.state != NodeState::Joined {
        return Err(bound::invalid("node", "is not joined").into());
    }
    if !node.capacity.isolation.iter().any(|class| agent.isolation.contains(class)) {
        return Err(bound::invalid("node", "offers no isolation class the agent accepts").into());
    }
    let prefix = index::tasks_of_node(&node.id);
    let (end, slots) = (layout::past(&prefix), node.capacity.slots as usize);
    if draft.view().range(Space::Index, &prefix, &end, slots)?.len() >= slots {
        return Err(bound::full("slots of the node", slots as u64).into());
    }
    Ok(())
}

fn check_reply_to(reply_to: Option<&ReplyTo>) -> Result<(), Refusal> {
    let Some(reply_to) = reply_to else { return Ok(()) };
    bound::text("reply_to.endpoint", &reply_to.endpoint, URL_BYTES_MAX)?;
    bound::text("reply_to.secret", &reply_to.secret, NAME_BYTES_MAX)
}

/// A repetition may name another gateway to answer to, and another deadline: the first stand.
fn same_request(kept: &TaskEntry, offered: &TaskEntry) -> bool {
    let request = |task: &TaskEntry| {
        (task.input, task.agent.clone(), task.context.clone(), task.owner.clone())
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
        deadline: command.deadline,
        state: TaskState::Pending,
        epoch: LeaseEpoch(0),
        attempts: 0,
        cancel_requested: false,
        in_context: true,
        shared: command.shared,
        bytes: command.metered.then_some(0),
        submitted_at: now,
        changed_at: now,
        revision: Default::default(),
    }
}
