//! Reads of tasks.

use proto_types::{Handle, NodeId, Revision, TaskId, WallMs};

use crate::counter;
use crate::index;
use crate::layout;
use crate::view::{Read, Space, View};

use super::entry::TaskEntry;
use super::table::{self, TASKS};

/// Tasks read at once of a long list. Arbitrary.
const PAGE: usize = 1_000;

/// The task of this id.
pub fn task(view: &dyn View, id: &TaskId) -> Read<Option<TaskEntry>> {
    TASKS.entry(view, id.as_str())
}

/// Up to `limit` tasks that wait for a node, the longest waiting first.
pub fn pending_tasks(view: &dyn View, limit: usize) -> Read<Vec<TaskEntry>> {
    TASKS.pointed(view, &table::tasks_pending(), limit)
}

/// Up to `limit` tasks that wait for a node and came to wait after this revision, in that order.
pub fn pending_tasks_after(view: &dyn View, after: Revision, limit: usize) -> Read<Vec<TaskEntry>> {
    let (from, to) = table::tasks_pending_after(after);
    TASKS.pointed_in(view, (&from, &to), limit)
}

/// How many tasks wait for a node and came to wait after this revision, counted up to `limit`.
pub fn count_pending_after(view: &dyn View, after: Revision, limit: usize) -> Read<usize> {
    let (from, to) = table::tasks_pending_after(after);
    view.count(Space::Index, &from, &to, limit)
}

/// Up to `limit` tasks that this node holds, by id.
pub fn tasks_of_node(view: &dyn View, node: &NodeId, limit: usize) -> Read<Vec<TaskEntry>> {
    TASKS.pointed(view, &table::tasks_of_node(node), limit)
}

/// The ids of up to `limit` tasks that this node holds. It reads keys alone.
pub fn task_ids_of_node(view: &dyn View, node: &NodeId, limit: usize) -> Read<Vec<TaskId>> {
    let prefix = table::tasks_of_node(node);
    let ids = index::ids(view, (&prefix, &layout::past(&prefix)), limit)?;
    ids.iter().map(|id| TaskId::parse(id).map_err(|cause| index::corrupt(&cause))).collect()
}

/// Up to `limit` tasks that have not ended and were due at `now`, the longest overdue first.
pub fn overdue_tasks(view: &dyn View, now: WallMs, limit: usize) -> Read<Vec<TaskEntry>> {
    let (from, to) = table::tasks_due(now);
    TASKS.pointed_in(view, (&from, &to), limit)
}

/// Whether a task of this agent has not ended. All open tasks are looked at, of which there is a bounded number: an agent is
/// removed by hand, and seldom.
pub(crate) fn has_open(view: &dyn View, agent: &Handle) -> Read<bool> {
    let (mut from, to) = table::tasks_due(WallMs(u64::MAX));
    loop {
        let page = view.range(Space::Index, &from, &to, PAGE)?;
        for (_, id) in &page {
            let task = TASKS.entry(view, &index::text(id.clone())?)?;
            if task.is_some_and(|task| task.agent == *agent) {
                return Ok(true);
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => from = layout::after(last),
            _ => return Ok(false),
        }
    }
}

/// The tasks that have not ended.
pub fn open_tasks(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::OPEN_TASKS)
}
