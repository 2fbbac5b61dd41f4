//! Where a message of SendMessage belongs: in a task that asked for more, or in a new one, whose ids are made here.

use gateway_core::extensions::{context_of_task, task_of_message};
use gateway_core::params::{Send, fault};
use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Caller, Failure};
use proto_types::a2a::{Content, Message, TaskState};
use proto_types::{ContextId, TaskId};
use proto_wire::registry::v1 as wire;
use serde_json::Value;
use uuid::Uuid;

use crate::agents::Agent;
use crate::gateway::Gateway;

use super::task::{find, view};

/// The message as the agent gets it: it says where it belongs.
pub(super) fn input(
    message: Message,
    context: &ContextId,
    task: &TaskId,
) -> Result<Vec<u8>, Failure> {
    let mut placed = Message {
        context_id: Some(context.as_str().to_owned()),
        task_id: Some(task.as_str().to_owned()),
        ..message
    };
    sort(&mut placed);
    serde_json::to_vec(&placed).map_err(|_| Failure::Internal)
}

/// Orders the members of what the sender has put freely: the same message again may have them in another order, and over gRPC
/// it often has. Maps of JSON keep theirs in this program.
fn sort(message: &mut Message) {
    let of_parts = message.parts.iter_mut().filter_map(|part| part.metadata.as_mut());
    for members in message.metadata.iter_mut().chain(of_parts) {
        members.sort_keys();
        members.values_mut().for_each(Value::sort_all_objects);
    }
    for part in &mut message.parts {
        if let Content::Data(value) = &mut part.content {
            value.sort_all_objects();
        }
    }
}

/// Where a message belongs.
pub(super) struct Place {
    pub(super) context: ContextId,
    pub(super) task: TaskId,
    /// The task, if it is there: it asked for more, or has the message already.
    pub(super) before: Option<TaskView>,
}

/// A message that names no task opens one.
pub(super) fn fresh(send: &Send) -> Place {
    let fresh = || ContextId::parse(&fresh_id()).expect("a UUID is a context id");
    let context = send.context.clone().unwrap_or_else(fresh);
    let task = TaskId::parse(&fresh_id()).expect("a UUID is a task id");
    Place { context, task, before: None }
}

/// A message that names no task, and has the same one whenever it is sent. Its conversation is one of its own, or the one that
/// it names: that is no part of what finds the task, so that who has learned of it meanwhile begins no second one.
pub(super) fn repeatable((caller, agent): (&Caller, &Agent), send: &Send) -> Place {
    let task = task_of_message(caller.as_str(), &agent.handle, &send.message.message_id);
    let context = send.context.clone().unwrap_or_else(|| context_of_task(&task));
    Place { context, task, before: None }
}

/// A message to a task that asked for more continues it, and one that has done so already is answered by it; any other task
/// takes no more messages (A2A 1.0, section 3.4.3).
pub(super) async fn named(
    gateway: &Gateway,
    caller: &Caller,
    agent: &Agent,
    send: &Send,
) -> Result<Place, Failure> {
    let named = send.task.as_ref().and_then(Option::as_ref);
    let found = find(gateway, caller, Some(agent), named).await?;
    let before = view(&found)?;
    let (context, task) = (before.context.clone(), before.id.clone());
    if send.context.as_ref().is_some_and(|stated| *stated != context) {
        let faults = vec![fault("/message/contextId", "the context of the task")];
        return Err(Failure::Call(CallError::Params(faults)));
    }
    if before.state != TaskState::InputRequired && !is_taken(&found, send, (&context, &task))? {
        return Err(Failure::Call(CallError::TaskOver));
    }
    Ok(Place { context, task, before: Some(before) })
}

/// Whether the task has this very message already: its sender did not hear that it was taken, and sends it again.
fn is_taken(
    task: &wire::Task,
    send: &Send,
    (context, id): (&ContextId, &TaskId),
) -> Result<bool, Failure> {
    let again = || Ok(input(send.message.clone(), context, id)? == task.input);
    if task.turns.is_empty() { Ok(false) } else { again() }
}

fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}
