//! Reads of tasks.

use proto_types::{NodeId, Revision, TaskId, WallMs};

use crate::counter;
use crate::index;
use crate::layout;
use crate::view::{Read, Space, View};

use super::entry::TaskEntry;
use super::table::{self, TASKS};

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

/// The tasks that have not ended.
pub fn open_tasks(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::OPEN_TASKS)
}
