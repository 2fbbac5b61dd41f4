//! The next turn of a task that asked for more: the decision whether its caller's message is taken. Nothing of what was
//! said is lost, and a task that has ended for good is never revived.

use crate::bound;
use crate::change::{Effect, Refusal, Reply};
use crate::draft::{Draft, Outcome, Stop};

use super::command::ContinueTask;
use super::entry::{TaskEnd, TaskEntry, TaskState, Turn};
use super::open::{keep, open};
use super::table::TASKS;

/// Messages of its caller that one task takes. Arbitrary: longer conversations are contexts of several tasks.
const TURNS_MAX: u64 = 64;

/// What was said before, together: with the newest message and an agent's card it fits into one message to a node.
const TURN_BYTES_MAX: u64 = 4 << 20;

pub(crate) fn continue_task(draft: &mut Draft<'_>, command: &ContinueTask) -> Outcome {
    let ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent } = command;
    let kept = draft.existing(&TASKS, id.as_str())?;
    if kept.owner != *owner {
        // A stranger must not learn that the task exists.
        return Err(Refusal::NotFound { kind: TASKS.name().to_owned(), id: id.to_string() }.into());
    }
    // The caller did not hear that it was taken: a message has an id of its own, so the same bytes are no second one.
    if kept.input == *input && !kept.turns.is_empty() {
        return Ok(Reply::Task(Box::new(kept)));
    }
    let outcome = match &kept.state {
        TaskState::Ended { end: TaskEnd::InputRequired, outcome, .. } => *outcome,
        TaskState::Ended { .. } => return Err(Refusal::TaskEnded(id.clone()).into()),
        TaskState::Pending | TaskState::Assigned { .. } => {
            return Err(bound::conflict("task", id.as_str()).into());
        }
    };
    let mut task = with_turn(draft, &kept, Turn { input: kept.input, outcome })?;
    (task.input, task.deadline) = (*input, *deadline);
    (task.reply_to, task.gateway) = (reply_to.clone(), gateway.clone());
    task.traceparent.clone_from(traceparent);
    open(draft, &mut task)?;
    keep(draft, Some(&kept), &mut task)?;
    draft.effect(Effect::TaskPending(id.clone()));
    Ok(Reply::Task(Box::new(task)))
}

/// The task, pending again, with what was said added to it.
fn with_turn(draft: &Draft<'_>, kept: &TaskEntry, turn: Turn) -> Result<TaskEntry, Stop> {
    let said = [Some(turn.input), turn.outcome].into_iter().flatten();
    let bytes = said.map(|body| draft.require_body(&body)).sum::<Result<u64, _>>()?;
    let turns: Vec<Turn> = kept.turns.iter().copied().chain([turn]).collect();
    let turn_bytes = kept.turn_bytes.saturating_add(bytes);
    if turns.len() as u64 > TURNS_MAX || turn_bytes > TURN_BYTES_MAX {
        // The new message is not counted: none is short enough.
        return Err(Refusal::TaskEnded(kept.id.clone()).into());
    }
    let state = TaskState::Pending;
    let (attempts, cancel_requested) = (0, false);
    Ok(TaskEntry { state, turns, turn_bytes, attempts, cancel_requested, ..kept.clone() })
}
