//! SendMessage: a message becomes a task, or goes on with one, and the task's end the answer.
//!
//! A message is never submitted before somebody waits, for an event or an end that comes at once must find its waiter; nor
//! before there is room for what a stream tells first, for who is refused has no task that runs. A task never begins but
//! with the token that pays for it, or after it where the same message again is the same task.

mod repeat;

use axum::body::Bytes;
use deploy_service::trace;
use gateway_core::extensions::{Numbering, Rest};
use gateway_core::params::Send;
use gateway_core::task_view::{Outcome, TaskView, Turn};
use gateway_core::{Caller, Failure};
use proto_types::a2a::{Message, SendMessageResponse, StreamResponse, TaskState};
use proto_types::{ContextId, Revision, TaskId, TaskOwner};
use proto_wire::registry::v1 as wire;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::spend::Payment;
use crate::waiting::Waiter;
use crate::{clock, push, secrets};

use super::binding::Binding;
use super::follow;
use super::place::{Place, fresh, input, named};
use super::submit::{Unheard, begin_task, continue_task};
use super::subscribe::Subscription;
use super::task::{read, view};

pub(super) use self::repeat::begin_or_find;

/// A task that was submitted, here or before, and its waiter.
pub(super) struct Submitted {
    pub(super) task: TaskView,
    pub(super) waiter: Waiter,
    /// Room for the task as a stream tells it first.
    pub(super) unread: Option<deploy_service::Place<TaskOwner>>,
    /// Until its caller has been told of the task.
    pub(super) unheard: Option<Unheard>,
    /// Whether its caller wants the task as it is instead of its end.
    at_once: bool,
    /// How many messages of the history its caller wants.
    pub(super) history_length: Option<u32>,
    /// Of who follows a task that was there, or may have been.
    pub(super) subscription: Option<Subscription>,
    /// Whether its caller knows the task, and asked for it.
    pub(super) is_subscribed: bool,
    /// The newest lease epoch of the task.
    pub(super) epoch: u64,
}

impl Submitted {
    /// A task that was there, for who follows it from now on.
    pub(super) fn before(
        (task, epoch): (TaskView, u64),
        waiter: Waiter,
        unread: deploy_service::Place<TaskOwner>,
        subscription: Subscription,
    ) -> Self {
        let (unread, subscription) = (Some(unread), Some(subscription));
        let (unheard, at_once, history_length, is_subscribed) = (None, false, None, true);
        Self {
            task,
            waiter,
            unread,
            unheard,
            at_once,
            history_length,
            subscription,
            is_subscribed,
            epoch,
        }
    }

    /// What of the task a stream has to tell.
    pub(super) fn rest(&self, numbering: Option<Numbering>) -> Rest {
        let rest = |numbering: Numbering| numbering.rest(self.epoch, self.task.state);
        numbering.map_or(Rest::Whole, rest)
    }
}

/// The answer to a message whose caller follows no stream.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    submitted: Submitted,
) -> Result<SendMessageResponse, Failure> {
    let Submitted { task, waiter, unheard, at_once, history_length, .. } = submitted;
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
    // A message that was sent before may have had its task, and the end of that.
    if task.is_over() {
        return Ok(task);
    }
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

/// Submits a message as a task of its own, with the token that pays for it. For the call of a `stream` its node pushes events
/// to this gateway.
pub(super) async fn begin(
    gateway: &Gateway,
    (caller, agent): (&Caller, &Agent),
    send: Send,
    stream: Option<&Binding>,
    payment: Payment,
) -> Result<Submitted, Failure> {
    let place = fresh(&send);
    let (mut message, ready) = Ready::prepare(gateway, (caller, agent), send, place, stream)?;
    message.token = payment.enclosed();
    let (task, unheard) = begin_task(gateway, message).await?;
    ready.submitted(task, Some(unheard))
}

/// Submits a message to a task that is there; its token is spent. A `stream` as above.
pub(super) async fn go_on(
    gateway: &Gateway,
    (caller, agent): (&Caller, &Agent),
    send: Send,
    stream: Option<&Binding>,
) -> Result<Submitted, Failure> {
    let place = named(gateway, caller, agent, &send).await?;
    let id = place.task.clone();
    // Its node pushes to the stream that has sent it before.
    let is_again = place.before.as_ref().is_some_and(|it| it.state != TaskState::InputRequired);
    let (message, ready) = Ready::prepare(gateway, (caller, agent), send, place, stream)?;
    let secret = message.reply_to.as_ref().filter(|_| is_again).map(|to| to.secret.clone());
    let subscription = secret.map(|secret| Subscription::new(gateway, caller, &id, secret));
    let submitted = ready.submitted(continue_task(gateway, message).await?, None)?;
    Ok(Submitted { subscription, ..submitted })
}

/// What a message needs here before it is submitted.
struct Ready {
    waiter: Waiter,
    unread: Option<deploy_service::Place<TaskOwner>>,
    input: Bytes,
    at_once: bool,
    history_length: Option<u32>,
}

impl Ready {
    /// The message as it is submitted, and what waits for its task.
    fn prepare(
        gateway: &Gateway,
        (caller, agent): (&Caller, &Agent),
        send: Send,
        Place { context, task: id, before }: Place,
        stream: Option<&Binding>,
    ) -> Result<(wire::SubmitTaskRequest, Self), Failure> {
        let secret = secrets::random();
        let waiter = gateway.waiting.open(&id, secret.clone(), caller.owner())?;
        let (at_once, history_length) = (send.return_immediately, send.history_length);
        let first = |binding| {
            let told = with_message((&context, &id), before, &send.message);
            first_bytes(binding, &told, history_length)
        };
        let first = stream.map(first).transpose()?;
        let unread = first.map(|bytes| waiter.room.take(bytes)).transpose()?;
        let push = send.push.as_ref().map(push::written);
        let input = Bytes::from(input(send.message, &context, &id)?);
        let reply_to = stream.map(|_| gateway.reply_to(secret));
        let message = request(gateway, (caller, agent), (&context, &id), (input.clone(), reply_to));
        let message = wire::SubmitTaskRequest { push, ..message };
        Ok((message, Self { waiter, unread, input, at_once, history_length }))
    }

    /// The same once it is submitted. What was sent does not come back: the task has this very message, or it would have been
    /// refused.
    fn submitted(self, task: wire::Task, unheard: Option<Unheard>) -> Result<Submitted, Failure> {
        let task = wire::Task { input: self.input.clone(), ..task };
        Ok(Submitted { unheard, ..self.with(&task)? })
    }

    fn with(self, task: &wire::Task) -> Result<Submitted, Failure> {
        let Self { waiter, unread, input: _, at_once, history_length } = self;
        let (task, epoch) = (view(task)?, task.epoch);
        let (unheard, subscription, is_subscribed) = (None, None, false);
        Ok(Submitted {
            task,
            waiter,
            unread,
            unheard,
            at_once,
            history_length,
            subscription,
            is_subscribed,
            epoch,
        })
    }
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
        token: None,
        traceparent: trace::traceparent().unwrap_or_default(),
        push: None,
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
        gateway: String::new(),
        turns,
        input: Some(message.clone()),
        outcome: Outcome::default(),
    }
}

/// How long the frame is that tells the task, with as much of its history as its caller asked for.
fn first_bytes(
    binding: &Binding,
    told: &TaskView,
    history_length: Option<u32>,
) -> Result<u64, Failure> {
    let first = StreamResponse::Task(told.task(history_length));
    Ok(binding.frame(&first)?.len() as u64)
}

/// How long what was said and made is, as the registry keeps it.
pub(super) fn bytes_of(task: &wire::Task) -> u64 {
    let turns = task.turns.iter().map(|turn| turn.input.len() + turn.outcome.len());
    (turns.sum::<usize>() + task.input.len() + task.outcome.len()) as u64
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::a2a::rpc::Id;
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
            let bytes = first_bytes(&Binding::json_rpc(Id::Null), &continued, asked).unwrap();
            assert!((least..least + 1_000).contains(&bytes), "{asked:?}: {bytes}");
        }
        let working = TaskView { state: TaskState::Working, ..continued };
        assert_eq!(with(Some(working.clone()), "m2"), working, "it has the message already");
    }
}
