//! Where the changes of a task are pushed to, and the notification of each that its caller waits for: it asks, or it has ended.
//! Only its owner says where to. A task that is pushed nowhere costs nothing for it, and none waits for room to end.

use proto_types::{Notification, PushConfigId, TaskId, TaskOwner};

use crate::bound;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::envelope::notification;
use crate::storage;
use crate::view::ViewError;

use super::command::{DeletePushConfig, PutPushConfig};
use super::entry::TaskEntry;
use super::open::sharer;
use super::table::TASKS;

/// Receivers of one task. Arbitrary: who wants more passes on what it gets.
const CONFIGS_MAX: usize = 8;

/// The entry keeps its revision and its time: they tell when the task has changed, which it has not.
pub(crate) fn put(draft: &mut Draft<'_>, command: &PutPushConfig) -> Outcome {
    let PutPushConfig { task: id, owner, config } = command;
    let kept = owned(draft, id, owner)?;
    if kept.push.contains(config) {
        return Ok(Reply::Task(Box::new(kept)));
    }
    let mut task = without(draft, &kept, &config.id)?;
    if task.push.len() >= CONFIGS_MAX {
        return Err(bound::invalid("config", "a task has 8 of them at most").into());
    }
    if let Some(counted) = task.bytes {
        let taken = storage::take(draft, sharer(&task), config.bytes())?;
        task.bytes = Some(counted.saturating_add(taken));
    }
    task.push.push(config.clone());
    draft.replace(&TASKS, Some(&kept), &task);
    Ok(Reply::Task(Box::new(task)))
}

pub(crate) fn delete(draft: &mut Draft<'_>, command: &DeletePushConfig) -> Outcome {
    let DeletePushConfig { task: id, owner, config } = command;
    let kept = owned(draft, id, owner)?;
    let task = without(draft, &kept, config)?;
    if task != kept {
        draft.replace(&TASKS, Some(&kept), &task);
    }
    Ok(Reply::Done(kept.revision))
}

/// Has each receiver of the task told that it asks, or has ended.
pub(crate) fn notify(draft: &mut Draft<'_>, task: &TaskEntry) -> Result<(), ViewError> {
    for config in &task.push {
        let notification = Notification {
            task: task.id.clone(),
            owner: task.owner.clone(),
            config: config.id.clone(),
            turn: u32::try_from(task.turns.len()).unwrap_or(u32::MAX),
        };
        // Of an earlier log: no edge lets such a one in any more.
        let trace = task.traceparent.clone().filter(|trace| !trace.is_too_long());
        notification::enqueue(draft, &notification, task.revision, trace)?;
    }
    Ok(())
}

/// A task of this owner; a stranger must not learn that it exists.
fn owned(draft: &Draft<'_>, id: &TaskId, owner: &TaskOwner) -> Step<TaskEntry> {
    let kept = draft.entry(&TASKS, id.as_str())?.filter(|task| task.owner == *owner);
    let absent = || Refusal::NotFound { kind: TASKS.name().to_owned(), id: id.to_string() };
    Ok(kept.ok_or_else(absent)?)
}

/// The task without the configuration of this name, whose bytes are given back.
fn without(
    draft: &mut Draft<'_>,
    kept: &TaskEntry,
    id: &PushConfigId,
) -> Result<TaskEntry, ViewError> {
    let mut task = kept.clone();
    let gone = kept.push.iter().find(|config| config.id == *id);
    if let (Some(counted), Some(gone)) = (task.bytes, gone) {
        let bytes = storage::counted(gone.bytes());
        storage::give_back(draft, sharer(kept), bytes)?;
        task.bytes = Some(counted.saturating_sub(bytes));
    }
    task.push.retain(|config| config.id != *id);
    Ok(task)
}
