//! The account of an open task: it takes its place, changes, and gives back what is counted for it. The count always
//! follows from the task itself.

use proto_types::{Class, Full, NodeId, Shares, TaskOwner};

use crate::agent::table::AGENTS;
use crate::bound::{self, DAY_MS};
use crate::counter::{self, OPEN_TASKS};
use crate::draft::{Draft, Stop};
use crate::storage;
use crate::view::ViewError;

use super::context;
use super::entry::{TaskEntry, TaskState};
use super::table::TASKS;

/// A task is work that somebody waits for; what takes longer than a week is several tasks.
const DEADLINE_AHEAD_MS_MAX: u64 = 7 * DAY_MS;

/// Tasks that have not ended. Beyond it the fleet is too small, and the caller must hear it.
const OPEN_TASKS_MAX: u64 = 100_000;

/// The share of each caller in the open tasks: one alone can have three eighths of them, and a quarter is the operator's.
const SHARES: Shares = Shares::new(OPEN_TASKS_MAX);

/// What each message asks for: time, an agent, its body, a place among the open tasks, and room for its bytes.
pub(crate) fn open(draft: &mut Draft<'_>, task: &mut TaskEntry) -> Result<(), Stop> {
    bound::not_past(task.deadline, draft.now())?;
    bound::near("deadline", task.deadline, draft.now(), DEADLINE_AHEAD_MS_MAX)?;
    draft.existing(&AGENTS, task.agent.as_str())?.runnable()?;
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
pub(crate) fn sharer(task: &TaskEntry) -> Option<&str> {
    task.shared.then(|| share_of(task))
}

/// Who shows nothing is one with all others who do: another address costs nothing.
fn share_of(task: &TaskEntry) -> &str {
    let owner = task.owner.as_str();
    if owner.starts_with(TaskOwner::PUBLIC) { TaskOwner::PUBLIC } else { owner }
}

/// One task more is open, if there is room for its owner.
fn take_place(draft: &mut Draft<'_>, task: &TaskEntry) -> Result<(), Stop> {
    let share = counter::task_share(share_of(task));
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
pub(crate) fn leave_place(draft: &mut Draft<'_>, task: &TaskEntry) -> Result<(), ViewError> {
    let share = counter::task_share(share_of(task));
    let counters = [(OPEN_TASKS, true), (share.as_str(), task.shared)];
    for (counter, _) in counters.into_iter().filter(|(_, counts)| *counts) {
        let open = draft.count(counter)?;
        draft.set_count(counter, open.saturating_sub(1));
    }
    Ok(())
}

/// Forgets a task that has ended, and gives back what is counted for it.
pub(crate) fn forget(draft: &mut Draft<'_>, ended: &TaskEntry) -> Result<(), ViewError> {
    if let Some(bytes) = ended.bytes {
        storage::give_back(draft, sharer(ended), bytes)?;
    }
    draft.remove(&TASKS, ended);
    Ok(())
}

/// Keeps a task's next version, or its first, under the next revision, and tells the gateway that waits for it.
pub(crate) fn keep(
    draft: &mut Draft<'_>,
    kept: Option<&TaskEntry>,
    task: &mut TaskEntry,
) -> Result<(), ViewError> {
    task.changed_at = draft.now();
    task.revision = draft.note_task(&task.id, task.gateway.clone());
    draft.replace(&TASKS, kept, task);
    let (left, taken) = (kept.and_then(counted_at), counted_at(task));
    if left == taken {
        return Ok(());
    }
    if let Some(node) = left {
        let held = node_tasks(draft, node)?;
        draft.set_count(&counter::node_tasks(node), held.saturating_sub(1));
    }
    if let Some(node) = taken {
        let held = node_tasks(draft, node)?;
        draft.set_count(&counter::node_tasks(node), held + 1);
    }
    Ok(())
}

/// The node whose number of tasks counts this one.
pub(crate) fn counted_at(task: &TaskEntry) -> Option<&NodeId> {
    match &task.state {
        TaskState::Assigned { node } if task.counted => Some(node),
        _ => None,
    }
}

/// How many tasks a node holds, without those of earlier logs. A count of keys would read one for each task that it ever
/// held: RocksDB keeps what is deleted until it is written out.
pub(crate) fn node_tasks(draft: &Draft<'_>, node: &NodeId) -> Result<u64, ViewError> {
    draft.count(&counter::node_tasks(node))
}
