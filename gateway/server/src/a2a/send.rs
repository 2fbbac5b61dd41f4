//! SendMessage: a message becomes a task, or goes on with one, and the task's end the answer.
//!
//! Decides the task's ids and whether the message continues a task that asked for more. Must never submit before
//! somebody waits: an event or an end that comes at once must find its waiter. Nor before there is room for what a stream
//! tells first: who is refused has no task that runs.

use std::sync::Arc;

use gateway_core::params::{Send, fault};
use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Caller, Failure};
use proto_types::a2a::{Message, SendMessageResponse, TaskState};
use proto_types::{ContextId, Origin, TaskId};
use proto_wire::registry::v1 as wire;
use tonic::Code;
use uuid::Uuid;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::registry::{Registry, Unanswered};
use crate::waiting::Waiter;
use crate::{clock, identity};

use super::{find, follow, of_task, read, view};

/// A task that was submitted, and its waiter.
pub(super) struct Submitted {
    pub(super) task: TaskView,
    pub(super) waiter: Waiter,
    /// Room for the task as a stream tells it first, by about how long that is.
    pub(super) unread: Option<deploy_service::Place<Origin>>,
    /// Until its caller has been told of the task.
    pub(super) unheard: Option<Unheard>,
}

pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    agent: &Agent,
    send: Send,
) -> Result<SendMessageResponse, Failure> {
    let (at_once, history_length) = (send.return_immediately, send.history_length);
    let submitted = submit(gateway, caller, agent, send, false).await?;
    let Submitted { task, waiter, unheard, .. } = submitted;
    let task = match at_once {
        true => task,
        // Whoever is refused meanwhile is not told of its task.
        false => at_end(gateway, caller, task, waiter).await?,
    };
    if let Some(unheard) = unheard {
        unheard.answered();
    }
    Ok(match task.message().filter(|_| !at_once) {
        Some(message) => SendMessageResponse::Message(message),
        None => SendMessageResponse::Task(task.task(history_length)),
    })
}

/// The task at its end, or as it is when it has been waited for in vain. While the registry is away nobody knows how it is;
/// its caller learns its id all the same, and asks again.
async fn at_end(
    gateway: &Gateway,
    caller: &Caller,
    task: TaskView,
    waiter: Waiter,
) -> Result<TaskView, Failure> {
    // What was said in it is not held while it runs.
    let task = task.bare();
    if let Some(ended) = follow::wait(gateway, caller, &task, waiter, gateway.patience()).await? {
        return Ok(ended);
    }
    match read(gateway, caller, &task.id, wire::Consistency::Strong).await {
        Ok(now) => view(&now),
        Err(Failure::RegistryAway | Failure::Overloaded | Failure::ShareReached) => Ok(task),
        Err(failure) => Err(failure),
    }
}

/// A task whose id its caller does not know yet. If that hangs up or is refused, nobody will ever ask for the task: then
/// it is canceled, and its slot and its place in the queue are another's.
pub(super) struct Unheard {
    registry: Arc<Registry>,
    task: Option<wire::CancelTaskRequest>,
}

impl Unheard {
    fn new(gateway: &Gateway, task: &wire::SubmitTaskRequest) -> Self {
        let (id, owner) = (task.id.clone(), task.owner.clone());
        let task = Some(wire::CancelTaskRequest { id, owner });
        Self { registry: Arc::clone(&gateway.registry), task }
    }

    /// The caller is told of its task.
    pub(super) fn answered(mut self) {
        self.task = None;
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let Some(message) = self.task.take() else { return };
        let registry = Arc::clone(&self.registry);
        tokio::spawn(async move {
            if let Err(error) = registry.cancel_task(message).await {
                tracing::debug!(%error, "a task nobody waits for is not canceled");
            }
        });
    }
}

/// Submits the message as a task. With `events`, its node pushes events to this gateway.
pub(super) async fn submit(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    agent: &Agent,
    send: Send,
    events: bool,
) -> Result<Submitted, Failure> {
    let Place { context, task: id, said } = place(gateway, caller, agent, &send).await?;
    let secret = identity::random();
    let waiter = gateway.waiting.open(&id, secret.clone(), caller.origin())?;
    let input = input(send.message, &context, &id)?;
    let bytes = (input.len() as u64).saturating_add(said.unwrap_or(0));
    let unread = events.then(|| waiter.room.take(bytes)).transpose()?;
    let message = wire::SubmitTaskRequest {
        id: id.as_str().to_owned(),
        context: context.as_str().to_owned(),
        agent: agent.handle.as_str().to_owned(),
        owner: caller.as_str().to_owned(),
        input: input.into(),
        deadline_ms: clock::wall().plus_ms(gateway.task_deadline_ms()).0,
        reply_to: events.then(|| gateway.reply_to(secret)),
    };
    let (task, unheard) = match said {
        Some(_) => (continue_task(gateway, message).await?, None),
        None => begin_task(gateway, message).await?,
    };
    Ok(Submitted { task: view(&task)?, waiter, unread, unheard })
}

/// Submits a new task, which ends with its caller's patience until that has been told of it.
async fn begin_task(
    gateway: &Gateway,
    message: wire::SubmitTaskRequest,
) -> Result<(wire::Task, Option<Unheard>), Failure> {
    let unheard = Unheard::new(gateway, &message);
    match submit_task(gateway, message).await {
        Ok(task) => Ok((task, Some(unheard))),
        // It may have been submitted.
        Err(Failure::RegistryAway) => Err(Failure::RegistryAway),
        Err(failure) => {
            unheard.answered();
            Err(failure)
        }
    }
}

async fn submit_task(
    gateway: &Gateway,
    message: wire::SubmitTaskRequest,
) -> Result<wire::Task, Failure> {
    let submitted = gateway.registry.submit_task(message).await;
    submitted.map_err(|error| not_submitted(&error, gateway.bounds.call_bytes_max.count()))
}

fn not_submitted(error: &Unanswered, limit: u64) -> Failure {
    match error {
        // The agent was there when the call was read.
        Unanswered::Refused { code: Code::NotFound, .. } => Failure::NotFound,
        // The task's id is new: what is there already is the conversation, and it is another's.
        Unanswered::Refused { code: Code::AlreadyExists, .. } => foreign_context(),
        error => unsent(error, limit),
    }
}

fn foreign_context() -> Failure {
    let faults = vec![fault("/message/contextId", "a conversation of the caller's own")];
    Failure::Call(CallError::Params(faults))
}

async fn continue_task(
    gateway: &Gateway,
    message: wire::SubmitTaskRequest,
) -> Result<wire::Task, Failure> {
    let wire::SubmitTaskRequest { id, owner, input, deadline_ms, reply_to, .. } = message;
    let message = wire::ContinueTaskRequest { id, owner, input, deadline_ms, reply_to };
    let continued = gateway.registry.continue_task(message).await;
    continued.map_err(|error| not_continued(&error, gateway.bounds.call_bytes_max.count()))
}

fn not_continued(error: &Unanswered, limit: u64) -> Failure {
    match error {
        // Another message was first, it was canceled, or it has as many messages as a task takes.
        Unanswered::Refused { code: Code::FailedPrecondition | Code::AlreadyExists, .. } => {
            Failure::Call(CallError::TaskOver)
        }
        error => unsent(error, limit),
    }
}

/// A message may be longer as the registry keeps it than as it came.
fn unsent(error: &Unanswered, limit: u64) -> Failure {
    match error {
        Unanswered::Refused { ecumene, .. } if ecumene == "body-too-large" => {
            Failure::TooLarge { limit }
        }
        error => of_task(error),
    }
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

/// Where a message belongs.
struct Place {
    context: ContextId,
    task: TaskId,
    /// Of a task that is there and asked for more: the bytes of what was said and made.
    said: Option<u64>,
}

/// A message to a task that asked for more continues it, and one that has done so already is answered by it; any other task
/// takes no more messages (A2A 1.0, section 3.4.3). Without a task it opens one.
async fn place(
    gateway: &Gateway,
    caller: &Caller,
    agent: &Agent,
    send: &Send,
) -> Result<Place, Failure> {
    let Some(named) = &send.task else {
        let context = send.context.clone();
        let fresh = || ContextId::parse(&fresh_id()).expect("a UUID is a context id");
        let task = TaskId::parse(&fresh_id()).expect("a UUID is a task id");
        return Ok(Place { context: context.unwrap_or_else(fresh), task, said: None });
    };
    let found = find(gateway, caller, Some(agent), named.as_ref()).await?;
    let TaskView { id: task, context, state, .. } = view(&found)?;
    if send.context.as_ref().is_some_and(|stated| *stated != context) {
        let faults = vec![fault("/message/contextId", "the context of the task")];
        return Err(Failure::Call(CallError::Params(faults)));
    }
    if state != TaskState::InputRequired && !is_taken(&found, send, (&context, &task))? {
        return Err(Failure::Call(CallError::TaskOver));
    }
    Ok(Place { context, task, said: Some(bytes_of(&found)) })
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

/// How long what was said and made is, as the registry keeps it.
pub(super) fn bytes_of(task: &wire::Task) -> u64 {
    let turns = task.turns.iter().map(|turn| turn.input.len() + turn.outcome.len());
    (turns.sum::<usize>() + task.input.len() + task.outcome.len()) as u64
}

fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_has_its_share_is_told_so_and_its_task_is_not_over() {
        let over = || Failure::Call(CallError::TaskOver);
        for (code, ecumene, submitted, continued) in [
            (
                Code::ResourceExhausted,
                "share-reached",
                Failure::ShareReached,
                Failure::ShareReached,
            ),
            (Code::ResourceExhausted, "bound-reached", Failure::Overloaded, Failure::Overloaded),
            (Code::FailedPrecondition, "task-ended", Failure::Internal, over()),
            (Code::AlreadyExists, "conflict", foreign_context(), over()),
            (
                Code::ResourceExhausted,
                "body-too-large",
                Failure::TooLarge { limit: 7 },
                Failure::TooLarge { limit: 7 },
            ),
        ] {
            let refused = Unanswered::Refused { code, ecumene: ecumene.to_owned() };
            assert_eq!(not_submitted(&refused, 7), submitted, "{ecumene}");
            assert_eq!(not_continued(&refused, 7), continued, "{ecumene}");
        }
        let reply = Failure::ShareReached.reply();
        assert_eq!(
            (reply.status, reply.code, reply.retry_after_s),
            (429, "share-reached", Some(1))
        );
    }
}
