//! SendMessage: a message becomes a task, or goes on with one, and the task's end the answer.
//!
//! A message is never submitted before somebody waits, for an event or an end that comes at once must find its waiter; nor
//! before there is room for what a stream tells first, for who is refused has no task that runs.

use std::sync::Arc;

use axum::body::Bytes;
use gateway_core::params::{Send, fault};
use gateway_core::task_view::{Outcome, TaskView, Turn};
use gateway_core::{CallError, Caller, Failure};
use proto_types::a2a::rpc::Id;
use proto_types::a2a::{Message, SendMessageResponse, StreamResponse, TaskState};
use proto_types::{Code as Known, ContextId, Origin, Revision, TaskId};
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::registry::{Registry, Unanswered};
use crate::waiting::Waiter;
use crate::{clock, secrets};

use super::frames::Frame;
use super::place::{Place, input, place};
use super::{follow, of_task, read, view};

/// A task that was submitted, and its waiter.
pub(super) struct Submitted {
    pub(super) task: TaskView,
    pub(super) waiter: Waiter,
    /// Room for the task as a stream tells it first.
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
    let submitted = submit(gateway, caller, agent, send, None).await?;
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

/// Submits the message as a task. For the call of a `stream` its node pushes events to this gateway. What is sent does not
/// come back: the task has this very message, or it would have been refused.
pub(super) async fn submit(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    agent: &Agent,
    send: Send,
    stream: Option<&Id>,
) -> Result<Submitted, Failure> {
    let Place { context, task: id, before } = place(gateway, caller, agent, &send).await?;
    let (is_new, secret) = (before.is_none(), secrets::random());
    let waiter = gateway.waiting.open(&id, secret.clone(), caller.origin())?;
    let first = |call| {
        let told = with_message((&context, &id), before, &send.message);
        first_bytes(call, &told, send.history_length)
    };
    let first = stream.map(first).transpose()?;
    let unread = first.map(|bytes| waiter.room.take(bytes)).transpose()?;
    let input = Bytes::from(input(send.message, &context, &id)?);
    let reply_to = stream.map(|_| gateway.reply_to(secret));
    let message = request(gateway, (caller, agent), (&context, &id), (input.clone(), reply_to));
    let (task, unheard) = match is_new {
        true => begin_task(gateway, message).await?,
        false => (continue_task(gateway, message).await?, None),
    };
    Ok(Submitted { task: view(&wire::Task { input, ..task })?, waiter, unread, unheard })
}

fn request(
    gateway: &Gateway,
    (caller, agent): (&Caller, &Agent),
    (context, id): (&ContextId, &TaskId),
    (input, reply_to): (Bytes, Option<wire::ReplyTo>),
) -> wire::SubmitTaskRequest {
    wire::SubmitTaskRequest {
        id: id.as_str().to_owned(),
        context: context.as_str().to_owned(),
        agent: agent.handle.as_str().to_owned(),
        owner: caller.as_str().to_owned(),
        input,
        deadline_ms: clock::wall().plus_ms(gateway.task_deadline_ms()).0,
        reply_to,
        omit_input: true,
    }
}

/// The task once it has the message: as a stream tells it first.
fn with_message(
    (context, id): (&ContextId, &TaskId),
    before: Option<TaskView>,
    message: &Message,
) -> TaskView {
    let turns = match before {
        // It has the message already.
        Some(taken) if taken.state != TaskState::InputRequired => return taken,
        Some(TaskView { mut turns, input, outcome, .. }) => {
            turns.push(Turn { input, outcome });
            turns
        }
        None => Vec::new(),
    };
    TaskView {
        id: id.clone(),
        context: context.clone(),
        state: TaskState::Submitted,
        changed_at: clock::wall(),
        reason: String::new(),
        revision: Revision(0),
        turns,
        input: Some(message.clone()),
        outcome: Outcome::default(),
    }
}

/// How long the frame is that tells the task, with as much of its history as its caller asked for.
fn first_bytes(call: &Id, told: &TaskView, history_length: Option<u32>) -> Result<u64, Failure> {
    let first = StreamResponse::Task(told.task(history_length));
    Ok(Frame::event(call, &first, None)?.bytes.len() as u64)
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
    let omit_input = true;
    let message = wire::ContinueTaskRequest { id, owner, input, deadline_ms, reply_to, omit_input };
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
        Unanswered::Refused { ecumene, .. } if ecumene == Known::BodyTooLarge.as_str() => {
            Failure::TooLarge { limit }
        }
        Unanswered::Refused { code: Code::ResourceExhausted, .. } => error.failure(),
        error => of_task(error),
    }
}

/// How long what was said and made is, as the registry keeps it.
pub(super) fn bytes_of(task: &wire::Task) -> u64 {
    let turns = task.turns.iter().map(|turn| turn.input.len() + turn.outcome.len());
    (turns.sum::<usize>() + task.input.len() + task.outcome.len()) as u64
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::a2a::{Part, Role};

    use super::*;

    /// Caught: the whole history was counted, whatever was asked for.
    #[test]
    fn what_is_told_first_counts_with_as_much_history_as_was_asked_for() {
        let (context, id) = (ContextId::parse("c1").unwrap(), TaskId::parse("t1").unwrap());
        let said = |id: &str| Message::new(id, Role::User, vec![Part::text("x".repeat(1_000))]);
        let with = |before, message| with_message((&context, &id), before, &said(message));
        let new = with(None, "m1");
        let outcome = Outcome { message: Some(said("q1")), ..Outcome::default() };
        let asked = TaskView { state: TaskState::InputRequired, outcome, ..new };
        let continued = with(Some(asked), "m2");
        let history = continued.task(None).history;
        let ids: Vec<_> = history.iter().map(|message| message.message_id.as_str()).collect();
        assert_eq!(ids, ["m1", "q1", "m2"]);
        for (asked, least) in [(Some(0), 0), (Some(1), 1_000), (Some(2), 2_000), (None, 3_000)] {
            let bytes = first_bytes(&Id::Null, &continued, asked).unwrap();
            assert!((least..least + 1_000).contains(&bytes), "{asked:?}: {bytes}");
        }
        let working = TaskView { state: TaskState::Working, ..continued };
        assert_eq!(with(Some(working.clone()), "m2"), working, "it has the message already");
    }

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
    }
}
