//! The decision how a task ends: by its outcome, its caller or its deadline. A task ends once, and never by a node whose
//! lease epoch is not in force.

use proto_types::{Digest, LeaseEpoch, NodeId, TaskId};

use crate::bound;
use crate::change::{Effect, Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::storage;
use crate::view::ViewError;

use super::command::{CancelTask, CompleteTask, ExpireTask};
use super::entry::{TaskEnd, TaskEntry, TaskState};
use super::open::{keep, leave_place, sharer};
use super::push;
use super::table::TASKS;

/// Why a task ended that its caller did not want any more.
pub(crate) const CANCELED: &str = "canceled by its caller";

pub(crate) fn complete(draft: &mut Draft<'_>, command: &CompleteTask) -> Outcome {
    let CompleteTask { id, node, epoch, end: how, outcome, reason } = command;
    let reason = reason.clone().map(String::from);
    let kept = draft.existing(&TASKS, id.as_str())?;
    let how = &wanted(&kept, *how);
    let (current, offered) = (kept.epoch, *epoch);
    if current != offered {
        return Err(Refusal::StaleEpoch { current, offered }.into());
    }
    match &kept.state {
        // It was taken back: the next assignment has a newer epoch.
        TaskState::Pending => return Err(Refusal::StaleEpoch { current, offered }.into()),
        TaskState::Ended { .. } if kept.state == ended(*how, current, *outcome, &reason) => {
            return Ok(Reply::Done(kept.revision));
        }
        TaskState::Ended { .. } => return Err(Refusal::TaskEnded(id.clone()).into()),
        TaskState::Assigned { node: holder } => check_holder(id, holder, node)?,
    }
    let outcome = match outcome {
        Some(outcome) => Some((*outcome, draft.require_body(outcome)?)),
        None => None,
    };
    let task = end(draft, &kept, *how, outcome, reason)?;
    Ok(Reply::Done(task.revision))
}

/// Nobody answers an agent that asks for more after its caller has ended the task.
fn wanted(kept: &TaskEntry, how: TaskEnd) -> TaskEnd {
    match how {
        TaskEnd::InputRequired if kept.cancel_requested => TaskEnd::Canceled,
        how => how,
    }
}

pub(crate) fn cancel(draft: &mut Draft<'_>, command: &CancelTask) -> Outcome {
    let CancelTask { id, owner } = command;
    let kept = draft.existing(&TASKS, id.as_str())?;
    if owner.as_ref().is_some_and(|owner| *owner != kept.owner) {
        // A stranger must not learn that the task exists.
        let (kind, id) = (TASKS.name().to_owned(), id.to_string());
        return Err(Refusal::NotFound { kind, id }.into());
    }
    let task = match &kept.state {
        TaskState::Ended { end: TaskEnd::Canceled, .. } => kept,
        // It runs nowhere, and counts as open no more.
        TaskState::Ended { end: TaskEnd::InputRequired, outcome, .. } => {
            let reason = Some(CANCELED.to_owned());
            let state = ended(TaskEnd::Canceled, kept.epoch, *outcome, &reason);
            let mut task = TaskEntry { state, ..kept.clone() };
            keep(draft, Some(&kept), &mut task)?;
            push::notify(draft, &task)?;
            task
        }
        TaskState::Ended { .. } => return Err(Refusal::TaskEnded(id.clone()).into()),
        TaskState::Pending => {
            end(draft, &kept, TaskEnd::Canceled, None, Some(CANCELED.to_owned()))?
        }
        TaskState::Assigned { node } => ask_to_cancel(draft, &kept, node)?,
    };
    Ok(Reply::Task(Box::new(task)))
}

/// A caller who asks again may be right that the node never heard it.
fn ask_to_cancel(
    draft: &mut Draft<'_>,
    kept: &TaskEntry,
    node: &NodeId,
) -> Result<TaskEntry, ViewError> {
    draft.effect(Effect::TaskCancelRequested(kept.id.clone(), node.clone(), kept.epoch));
    let mut task = TaskEntry { cancel_requested: true, ..kept.clone() };
    if !kept.cancel_requested {
        keep(draft, Some(kept), &mut task)?;
    }
    Ok(task)
}

pub(crate) fn expire(draft: &mut Draft<'_>, command: &ExpireTask) -> Outcome {
    let ExpireTask { id, waits_for } = command;
    let kept = draft.existing(&TASKS, id.as_str())?;
    if let TaskState::Ended { .. } = kept.state {
        return Err(Refusal::TaskEnded(id.clone()).into());
    }
    bound::near("deadline", kept.deadline, draft.now(), 0)?;
    if let TaskState::Assigned { node } = &kept.state {
        draft.effect(Effect::TaskCancelRequested(id.clone(), node.clone(), kept.epoch));
    }
    let reason = match (*waits_for, &kept.state) {
        (Some(why), TaskState::Pending) => {
            format!("its deadline passed while it waited for a node: {why}")
        }
        _ => "its deadline passed".to_owned(),
    };
    let task = end(draft, &kept, TaskEnd::Failed, None, Some(reason))?;
    Ok(Reply::Task(Box::new(task)))
}

/// Ends a task that has not ended, with its outcome and how long that is. An outcome needs no room, or the task would hang.
pub(crate) fn end(
    draft: &mut Draft<'_>,
    kept: &TaskEntry,
    how: TaskEnd,
    outcome: Option<(Digest, u64)>,
    reason: Option<String>,
) -> Result<TaskEntry, ViewError> {
    leave_place(draft, kept)?;
    if let TaskState::Assigned { .. } = kept.state {
        draft.effect(Effect::TaskEnded(kept.id.clone()));
    }
    let (outcome, bytes) = outcome.unzip();
    let state = ended(how, kept.epoch, outcome, &reason);
    let mut task = TaskEntry { state, ..kept.clone() };
    if let (Some(counted), Some(bytes)) = (kept.bytes, bytes) {
        storage::add(draft, sharer(kept), bytes)?;
        task.bytes = Some(counted.saturating_add(bytes));
    }
    keep(draft, Some(kept), &mut task)?;
    push::notify(draft, &task)?;
    Ok(task)
}

fn ended(
    end: TaskEnd,
    epoch: LeaseEpoch,
    outcome: Option<Digest>,
    reason: &Option<String>,
) -> TaskState {
    TaskState::Ended { end, epoch, outcome, reason: reason.clone() }
}

fn check_holder(id: &TaskId, holder: &NodeId, node: &NodeId) -> Result<(), Refusal> {
    if holder == node { Ok(()) } else { Err(bound::conflict("task", id.as_str())) }
}
