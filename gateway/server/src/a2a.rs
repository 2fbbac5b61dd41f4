//! A2A calls to hosted agents: they are submitted as tasks, waited for and answered. What a call may say is in
//! `gateway-core`, and how a task ends is the registry's decision. A task must never be shown to anybody but its owner, and
//! nothing be asked of the registry in a caller's name before its token is spent, but what the token travels with.

mod binding;
mod cancel;
mod follow;
mod frames;
mod list;
mod lookup;
mod place;
mod read;
mod send;
mod stream;
mod submit;
mod subscribe;
mod task;
mod told;

use std::sync::Arc;

use axum::response::Response;
use gateway_core::dispatch::Operation;
use gateway_core::form::{Answer, Form};
use gateway_core::params::{List, Named, Send};
use gateway_core::{Caller, Failure};
use serde_json::Value;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::spend::Payment;

use self::send::Submitted;
use self::task::{find, view};

pub(crate) use self::binding::{Binding, Protocol};

/// What is called, in the form of its binding.
pub(crate) struct Request {
    pub(crate) binding: Binding,
    pub(crate) operation: Operation,
    pub(crate) params: Value,
    /// Whether nobody hears the answer, as with a JSON-RPC call without an id.
    pub(crate) is_notification: bool,
}

/// A call that is in order, before its token is spent: nothing of it needs to be read again.
pub(crate) struct Call {
    binding: Binding,
    operation: Operation,
    params: Params,
}

enum Params {
    /// A message that begins a task.
    Begin {
        agent: Arc<Agent>,
        send: Box<Send>,
    },
    /// A message to a task that is there.
    Continue {
        agent: Arc<Agent>,
        send: Box<Send>,
    },
    Subscribe(Addressed, Named),
    Query(Query),
}

/// What has no stream, and sends no message.
enum Query {
    Task(Addressed, Named),
    Tasks(Addressed, Box<List>),
    /// The card of an agent, or without one of the instance; in which form.
    Card(Addressed, Form),
}

/// A call whose token is spent.
pub(crate) struct Paid {
    binding: Binding,
    operation: Operation,
    step: Step,
}

/// How far a call has come.
enum Step {
    /// Its task was submitted, and with it the token.
    Begun(Box<Submitted>),
    Continue {
        agent: Arc<Agent>,
        send: Box<Send>,
    },
    Subscribe(Addressed, Named),
    Query(Query),
}

/// Which agent the path names; none for the instance's own endpoint.
pub(crate) type Addressed = Option<Arc<Agent>>;

impl Call {
    /// Spends the caller's token. A message that begins a task takes it along: the registry takes both or neither, in one
    /// commit. Before all other calls it is spent by itself.
    pub(crate) async fn pay(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        payment: Payment,
    ) -> Result<Paid, Failure> {
        let Self { binding, operation, params } = self;
        let step = match params {
            Params::Begin { agent, send } => {
                let stream = stream_of(operation, &binding);
                let begun = send::begin(gateway, (caller, &agent), *send, stream, payment).await?;
                return Ok(Paid { binding, operation, step: Step::Begun(Box::new(begun)) });
            }
            Params::Continue { agent, send } => Step::Continue { agent, send },
            Params::Subscribe(agent, named) => Step::Subscribe(agent, named),
            Params::Query(query) => Step::Query(query),
        };
        gateway.spender.spend(payment).await?;
        Ok(Paid { binding, operation, step })
    }
}

impl Paid {
    /// Carries the call out for its caller.
    pub(crate) async fn answer(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
    ) -> Result<Response, Failure> {
        let Self { binding, operation, step } = self;
        let stream = stream_of(operation, &binding);
        let submitted = match step {
            Step::Begun(submitted) => *submitted,
            Step::Continue { agent, send } => {
                send::go_on(gateway, (caller, &agent), *send, stream).await?
            }
            Step::Subscribe(agent, named) => {
                subscribe::subscribe(gateway, caller, (agent.as_deref(), &named)).await?
            }
            Step::Query(query) => {
                let answer = answer_of(gateway, caller, operation, query).await?;
                return binding.answer(&answer);
            }
        };
        match stream {
            Some(_) => stream::answer(gateway, caller, binding, submitted),
            None => {
                let answer = send::answer(gateway, caller, submitted).await?;
                binding.answer(&Answer::Message(answer))
            }
        }
    }
}

/// How the answer is told if it is a stream.
fn stream_of(operation: Operation, binding: &Binding) -> Option<&Binding> {
    let is_stream =
        matches!(operation, Operation::SendStreamingMessage | Operation::SubscribeToTask);
    is_stream.then_some(binding)
}

async fn answer_of(
    gateway: &Gateway,
    caller: &Caller,
    operation: Operation,
    query: Query,
) -> Result<Answer, Failure> {
    match query {
        Query::Task(agent, named) if operation == Operation::CancelTask => {
            let task = cancel::cancel(gateway, caller, agent.as_deref(), &named).await?;
            Ok(Answer::Task(task))
        }
        Query::Task(agent, named) => {
            let task = find(gateway, caller, agent.as_deref(), named.task.as_ref()).await?;
            Ok(Answer::Task(view(&task)?.task(named.history_length)))
        }
        Query::Tasks(agent, list) => {
            let page = list::page(gateway, caller, agent.as_deref(), &list).await?;
            Ok(Answer::Tasks(page))
        }
        Query::Card(agent, form) => card(gateway, caller, agent.as_deref(), form).map(Answer::Card),
    }
}

/// A card, as its caller may see it. It is made of what may be many agents: never before its token is spent.
fn card(
    gateway: &Gateway,
    caller: &Caller,
    agent: Option<&Agent>,
    form: Form,
) -> Result<Value, Failure> {
    let directory = gateway.cache.directory(Some(caller.origin()));
    let card = match agent {
        // Whoever may call an agent may see all of its card; since the call was read that may have ended.
        Some(agent) => {
            let callable = directory.callable(&agent.handle);
            let own = callable.and_then(|agent| directory.card(&agent.handle));
            own.ok_or(Failure::NotFound)?
        }
        None => directory.instance_card(),
    };
    Ok(card.in_form(form))
}
