//! The table of tasks, and the keys that find each by what is to be done with it. A key depends on its task alone.

use std::collections::BTreeSet;

use proto_types::{ContextId, Digest, NodeId, Revision, TaskId, TaskOwner, WallMs};

use crate::entity::{Entity, Table};
use crate::index::{self, Keys};
use crate::layout::{self, END, Tag};

use super::entry::{TaskEntry, TaskState};
use super::listed::Listed;

/// Tasks by id.
pub const TASKS: Table<TaskEntry> = Table::new(7, "task");

/// Tasks that wait for a node, the longest waiting first.
pub(crate) const TASKS_PENDING: Tag = Tag(5);
/// Tasks that a node holds, by node.
pub(crate) const TASKS_BY_NODE: Tag = Tag(6);
/// Tasks that are not over, by deadline.
pub(crate) const TASKS_BY_DEADLINE: Tag = Tag(7);
/// Tasks that are over, by when they ended.
pub(crate) const TASKS_BY_END: Tag = Tag(10);
/// Tasks by conversation.
pub(crate) const TASKS_BY_CONTEXT: Tag = Tag(50);
/// Tasks by owner, the one that changed last first.
pub(crate) const TASKS_BY_OWNER: Tag = Tag(52);

impl Entity for TaskEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn index(&self) -> Keys {
        let mut keys = places(self);
        if self.in_context {
            let key = [tasks_of_context(&self.context), self.id.as_str().into()].concat();
            keys.push((key, self.owner.as_str().into()));
        }
        if self.listed {
            let key = task_of_owner(&self.owner, self.revision);
            keys.push((key, Listed::of(self).value()));
        }
        keys
    }

    fn bodies(&self) -> Vec<Digest> {
        let ended = match &self.state {
            TaskState::Ended { outcome, .. } => *outcome,
            _ => None,
        };
        let said = self.turns.iter().flat_map(|turn| [Some(turn.input), turn.outcome]);
        let named: BTreeSet<_> = said.chain([Some(self.input), ended]).flatten().collect();
        named.into_iter().collect()
    }
}

/// Where a task is found by what is to be done with it.
fn places(task: &TaskEntry) -> Keys {
    let place = match &task.state {
        TaskState::Ended { .. } => {
            let (at, id) = (task.changed_at.0.to_be_bytes(), task.id.as_str().as_bytes());
            return vec![(TASKS_BY_END.key(&[&at, id]), id.to_vec())];
        }
        TaskState::Pending => TASKS_PENDING.key(&[&task.revision.0.to_be_bytes()]),
        TaskState::Assigned { node } => task_of_node(node, &task.id),
    };
    let id = task.id.as_str().as_bytes();
    let deadline = task.deadline.0.to_be_bytes();
    let due = TASKS_BY_DEADLINE.key(&[&deadline, id]);
    vec![(place, id.to_vec()), (due, id.to_vec())]
}

/// The tasks that had ended at `at` or before: from, to.
pub(crate) fn tasks_ended(at: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(TASKS_BY_END, at)
}

/// Every pending task, the longest waiting first.
pub(crate) fn tasks_pending() -> Vec<u8> {
    TASKS_PENDING.key(&[])
}

/// The tasks that came to wait after this revision: from, to.
pub(crate) fn tasks_pending_after(after: Revision) -> (Vec<u8>, Vec<u8>) {
    let first = TASKS_PENDING.key(&[&after.next().0.to_be_bytes()]);
    (first, layout::past(&tasks_pending()))
}

/// What the keys of a node's tasks start with.
pub(crate) fn tasks_of_node(node: &NodeId) -> Vec<u8> {
    TASKS_BY_NODE.key(&[node.as_str().as_bytes(), END])
}

/// What the keys of a conversation's tasks start with; whose they are stands behind them.
pub(crate) fn tasks_of_context(context: &ContextId) -> Vec<u8> {
    TASKS_BY_CONTEXT.key(&[context.as_str().as_bytes(), END])
}

/// The tasks of an owner that changed before a revision, or all of them, the one that changed last first: from, to.
pub(crate) fn tasks_of_owner(owner: &TaskOwner, before: Option<Revision>) -> (Vec<u8>, Vec<u8>) {
    let all = of_owner(owner);
    let to = layout::past(&all);
    match before {
        Some(before) => (layout::after(&task_of_owner(owner, before)), to),
        None => (all, to),
    }
}

/// No two tasks have one revision.
fn task_of_owner(owner: &TaskOwner, revision: Revision) -> Vec<u8> {
    let newest_first = (u64::MAX - revision.0).to_be_bytes();
    [of_owner(owner), newest_first.to_vec()].concat()
}

fn of_owner(owner: &TaskOwner) -> Vec<u8> {
    TASKS_BY_OWNER.key(&[owner.as_str().as_bytes(), END])
}

fn task_of_node(node: &NodeId, task: &TaskId) -> Vec<u8> {
    [tasks_of_node(node), task.as_str().into()].concat()
}

/// The tasks that are not over and were due at `now` or before: from, to.
pub(crate) fn tasks_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(TASKS_BY_DEADLINE, now)
}
