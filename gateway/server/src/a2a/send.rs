//! SendMessage: a message becomes a task, and the task's end the answer.
//!
//! Decides the task's ids and whether the message continues another task. Must never submit before
//! somebody waits: an event or an end that comes at once must find its waiter.

use std::sync::Arc;

use gateway_core::params::{Send, fault};
use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Caller, Failure};
use proto_types::a2a::{Message, Task, TaskState};
use proto_types::{ContextId, TaskId};
use proto_wire::registry::v1 as wire;
use tonic::Code;
use uuid::Uuid;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::registry::Unanswered;
use crate::waiting::Waiter;
use crate::{clock, identity};

use super::{find, follow, of_task, view};

/// A task that was submitted, and its waiter.
pub(super) struct Submitted {
    pub(super) task: TaskView,
    pub(super) waiter: Waiter,
}

pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    agent: &Agent,
    send: Send,
) -> Result<Task, Failure> {
    let (at_once, history_length) = (send.return_immediately, send.history_length);
    let Submitted { task, waiter } = submit(gateway, caller, agent, send, false).await?;
    let ended = match at_once {
        true => None,
        false => follow::wait(gateway, caller, &task.id, waiter, gateway.patience()).await?,
    };
    Ok(ended.unwrap_or(task).task(history_length))
}

/// Submits the message as a task. With `events`, its node pushes events to this gateway.
pub(super) async fn submit(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    agent: &Agent,
    send: Send,
    events: bool,
) -> Result<Submitted, Failure> {
    let context = context(gateway, caller, agent, &send).await?;
    let id = TaskId::parse(&Uuid::now_v7().to_string()).expect("a UUID is a task id");
    let secret = identity::random();
    let waiter = gateway.waiting.open(&id, secret.clone()).map_err(|_| Failure::Overloaded)?;
    let input = input(send.message, &context, &id)?;
    let message = wire::SubmitTaskRequest {
        id: id.as_str().to_owned(),
        context: context.as_str().to_owned(),
        agent: agent.handle.as_str().to_owned(),
        owner: caller.as_str().to_owned(),
        input: input.into(),
        deadline_ms: clock::wall().plus_ms(gateway.task_deadline_ms()).0,
        reply_to: events.then(|| gateway.reply_to(secret)),
    };
    let submitted = gateway.registry.submit_task(message).await;
    let task = submitted.map_err(|error| not_submitted(&error))?;
    Ok(Submitted { task: view(&task)?, waiter })
}

fn not_submitted(error: &Unanswered) -> Failure {
    match error {
        // The agent was there when the call was read.
        Unanswered::Refused { code: Code::NotFound, .. } => Failure::NotFound,
        // The task's id is new: what is there already is the conversation, and it is another's.
        Unanswered::Refused { code: Code::AlreadyExists, .. } => foreign_context(),
        error => of_task(error),
    }
}

fn foreign_context() -> Failure {
    let faults = vec![fault("/message/contextId", "a conversation of the caller's own")];
    Failure::Call(CallError::Params(faults))
}

/// The message as the agent gets it: it says where it belongs.
fn input(message: Message, context: &ContextId, task: &TaskId) -> Result<Vec<u8>, Failure> {
    let placed = Message {
        context_id: Some(context.as_str().to_owned()),
        task_id: Some(task.as_str().to_owned()),
        ..message
    };
    serde_json::to_vec(&placed).map_err(|_| Failure::Internal)
}

/// The conversation of the new task. A message to a task that asked for more opens the next task of
/// its context; any other task takes no more messages (A2A 1.0, section 3.4.2).
async fn context(
    gateway: &Gateway,
    caller: &Caller,
    agent: &Agent,
    send: &Send,
) -> Result<ContextId, Failure> {
    if let Some(continued) = &send.task {
        let continued = view(&find(gateway, caller, Some(agent), continued.as_ref()).await?)?;
        if send.context.as_ref().is_some_and(|context| *context != continued.context) {
            let faults = vec![fault("/message/contextId", "the context of the task")];
            return Err(Failure::Call(CallError::Params(faults)));
        }
        return match continued.state {
            TaskState::InputRequired => Ok(continued.context),
            _ => Err(Failure::Call(CallError::TaskOver)),
        };
    }
    let fresh = || ContextId::parse(&Uuid::now_v7().to_string()).expect("a UUID is a context id");
    Ok(send.context.clone().unwrap_or_else(fresh))
}
