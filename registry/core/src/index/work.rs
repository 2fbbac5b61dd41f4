//! The derived keys of what is to be done: tasks by their place and time, envelopes in their queues.
//! It must never hold what the entity does not.

use proto_types::{ContextId, EnvelopeId, NodeId, Origin, Revision, TaskId, WallMs};
use serde::{Deserialize, Serialize};

use super::{Keys, until};
use crate::entry::{EnvelopeEntry, TaskEntry, TaskState};
use crate::layout::{self, END, derived};
use crate::table::{Entity as _, decode, encode};
use crate::view::ViewError;

/// Where a queue keeps its place for an envelope, with all that choosing one to lease needs, so
/// that a long queue is scanned without reading its envelopes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) source: Origin,
    pub(crate) id: EnvelopeId,
    pub(crate) leased_until: WallMs,
    pub(crate) expires_at: WallMs,
}

pub(crate) fn of_task(task: &TaskEntry) -> Keys {
    let mut keys = places(task);
    if task.in_context {
        let key = [tasks_of_context(&task.context), task.id.as_str().into()].concat();
        keys.push((key, task.owner.clone().into_bytes()));
    }
    keys
}

/// Where a task is found by what is to be done with it.
fn places(task: &TaskEntry) -> Keys {
    let place = match &task.state {
        TaskState::Ended { .. } => {
            let (at, id) = (task.changed_at.0.to_be_bytes(), task.id.as_str().as_bytes());
            return vec![(layout::key(derived::TASKS_BY_END, &[&at, id]), id.to_vec())];
        }
        TaskState::Pending => {
            layout::key(derived::TASKS_PENDING, &[&task.revision.0.to_be_bytes()])
        }
        TaskState::Assigned { node } => task_of_node(node, &task.id),
    };
    let id = task.id.as_str().as_bytes();
    let deadline = task.deadline.0.to_be_bytes();
    let due = layout::key(derived::TASKS_BY_DEADLINE, &[&deadline, id]);
    vec![(place, id.to_vec()), (due, id.to_vec())]
}

pub(crate) fn of_envelope(envelope: &EnvelopeEntry) -> Keys {
    let key = envelope.key().into_bytes();
    let at = envelope.expires_at.0.to_be_bytes();
    let mut keys = vec![(layout::key(derived::ENVELOPES_BY_EXPIRY, &[&at, &key]), key)];
    if envelope.acked.is_none() {
        let place = Place {
            source: envelope.source.clone(),
            id: envelope.id.clone(),
            leased_until: envelope.leased_until,
            expires_at: envelope.expires_at,
        };
        keys.push((in_queue(&envelope.target, envelope.revision), encode(&place)));
    }
    keys
}

/// The tasks that had ended at `at` or before: from, to.
pub(crate) fn tasks_ended(at: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::TASKS_BY_END, at)
}

/// Every pending task, the longest waiting first.
pub(crate) fn tasks_pending() -> Vec<u8> {
    layout::key(derived::TASKS_PENDING, &[])
}

/// The tasks that came to wait after this revision: from, to.
pub(crate) fn tasks_pending_after(after: Revision) -> (Vec<u8>, Vec<u8>) {
    let first = layout::key(derived::TASKS_PENDING, &[&after.next().0.to_be_bytes()]);
    (first, layout::past(&tasks_pending()))
}

/// What the keys of a node's tasks start with.
pub(crate) fn tasks_of_node(node: &NodeId) -> Vec<u8> {
    layout::key(derived::TASKS_BY_NODE, &[node.as_str().as_bytes(), END])
}

/// What the keys of a conversation's tasks start with; whose they are stands behind them.
pub(crate) fn tasks_of_context(context: &ContextId) -> Vec<u8> {
    layout::key(derived::TASKS_BY_CONTEXT, &[context.as_str().as_bytes(), END])
}

fn task_of_node(node: &NodeId, task: &TaskId) -> Vec<u8> {
    [tasks_of_node(node), task.as_str().into()].concat()
}

/// The tasks that are not over and were due at `now` or before: from, to.
pub(crate) fn tasks_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::TASKS_BY_DEADLINE, now)
}

/// The envelopes that are void at `now`: from, to.
pub(crate) fn envelopes_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::ENVELOPES_BY_EXPIRY, now)
}

/// What the keys of a queue start with, in the order of acceptance.
pub(crate) fn queue(target: &str) -> Vec<u8> {
    layout::key(derived::QUEUES, &[target.as_bytes(), END])
}

fn in_queue(target: &str, accepted: Revision) -> Vec<u8> {
    [queue(target), accepted.0.to_be_bytes().into()].concat()
}

/// What a queue's place says.
pub(crate) fn place(value: &[u8]) -> Result<Place, ViewError> {
    decode("queue place", value)
}
