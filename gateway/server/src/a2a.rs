//! A2A calls. To a hosted agent they are submitted as tasks, waited for and answered; to an attached one they are handed on.
//! What a call may say is in `gateway-core`, and how a task ends is the registry's decision, or the attached agent's. A task
//! must never be shown to anybody but its owner, and nothing be asked in a caller's name before its token is spent, but what
//! the token travels with.

mod asked;
mod binding;
mod cancel;
mod extensions;
mod follow;
mod frames;
mod list;
mod lookup;
mod numbered;
mod place;
mod push;
mod read;
mod relay;
mod send;
mod stream;
mod submit;
mod subscribe;
mod task;
mod told;

use std::sync::Arc;

use axum::response::Response;
use gateway_core::dispatch::Operation;
use gateway_core::extensions::{Extensions, Numbering};
use gateway_core::form::Answer;
use gateway_core::params::push::Push;
use gateway_core::params::{List, Named, Send};
use gateway_core::{Caller, Failure};
use http::request::Parts;
use proto_types::a2a::ProtocolVersion;
use serde_json::Value;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::spend::Payment;

use self::relay::Relay;
use self::send::Submitted;
use self::task::{find, view};

pub(crate) use self::binding::{Binding, Protocol};
pub(crate) use self::extensions::{last_event, requested};
pub(crate) use self::push::payload;

/// What is called, in the form of its binding.
pub(crate) struct Request {
    pub(crate) binding: Binding,
    pub(crate) operation: Operation,
    pub(crate) params: Value,
    /// Whether nobody hears the answer, as with a JSON-RPC call without an id.
    pub(crate) is_notification: bool,
    /// Which extensions its caller asks for.
    pub(crate) extensions: Extensions,
    /// The id of the event that its caller has read last.
    pub(crate) last_event: Option<String>,
}

/// A call that is in order, before its token is spent: nothing of it needs to be read again.
pub(crate) struct Call {
    binding: Binding,
    operation: Operation,
    /// Whether its answer is a stream.
    is_stream: bool,
    /// Which extensions count for it.
    extensions: Extensions,
    /// Whether the events of its stream have ids, and after which one it begins.
    numbering: Option<Numbering>,
    params: Params,
}

enum Params {
    /// A message that begins a task.
    Begin {
        agent: Arc<Agent>,
        send: Box<Send>,
    },
    Prepaid(Prepaid),
}

/// What begins no task, or may have begun it before: its token is spent before it is carried out.
enum Prepaid {
    /// A message that has the same task whenever it is sent. A token that came with it would not be spent where the task is
    /// there already, and so could be shown again.
    Repeatable {
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
    /// What is asked of an attached agent.
    Relay(Box<Relay>),
}

/// What has no stream, and sends no message.
enum Query {
    Get(Addressed, Named),
    Cancel(Addressed, Named),
    Tasks(Addressed, Box<List>),
    /// The card of an agent, or without one of the instance.
    Card(Addressed),
    /// Where the changes of a task are pushed.
    Push(Addressed, Box<Push>),
}

/// A call whose token is spent.
pub(crate) struct Paid {
    binding: Binding,
    is_stream: bool,
    extensions: Extensions,
    numbering: Option<Numbering>,
    step: Step,
}

/// How far a call has come.
enum Step {
    /// Its task was submitted, and with it the token.
    Begun(Box<Submitted>),
    Prepaid(Prepaid),
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
        let Self { binding, is_stream, extensions, numbering, params, .. } = self;
        let step = match params {
            Params::Begin { agent, send } => {
                let stream = is_stream.then_some(&binding);
                let begun = send::begin(gateway, (caller, &agent), *send, stream, payment).await?;
                Step::Begun(Box::new(begun))
            }
            Params::Prepaid(prepaid) => {
                gateway.spender.spend(payment).await?;
                Step::Prepaid(prepaid)
            }
        };
        Ok(Paid { binding, is_stream, extensions, numbering, step })
    }
}

impl Paid {
    /// Carries the call out for its caller, whose request had this head.
    pub(crate) async fn answer(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        parts: &Parts,
    ) -> Result<Response, Failure> {
        let (extensions, version) = (self.extensions, self.binding.version);
        let mut response = Box::pin(self.carry_out(gateway, caller, parts)).await?;
        extensions::mark(response.headers_mut(), extensions, version);
        Ok(response)
    }

    async fn carry_out(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        parts: &Parts,
    ) -> Result<Response, Failure> {
        let Self { binding, is_stream, numbering, step, .. } = self;
        let stream = is_stream.then_some(&binding);
        let submitted = match step {
            Step::Begun(submitted) => *submitted,
            Step::Prepaid(Prepaid::Repeatable { agent, send }) => {
                send::begin_or_find(gateway, (caller, &agent), *send, (stream, numbering)).await?
            }
            Step::Prepaid(Prepaid::Continue { agent, send }) => {
                send::go_on(gateway, (caller, &agent), *send, stream).await?
            }
            Step::Prepaid(Prepaid::Subscribe(agent, named)) => {
                let of = (agent.as_deref(), &named);
                subscribe::subscribe(gateway, caller, of, numbering).await?
            }
            Step::Prepaid(Prepaid::Query(query)) => {
                let answer = answer_of((gateway, caller), query, binding.version).await?;
                return binding.answer(&answer);
            }
            Step::Prepaid(Prepaid::Relay(relay)) => {
                return Box::pin(relay.answer(gateway, caller, (binding, parts))).await;
            }
        };
        outcome((gateway, caller), (binding, is_stream, numbering), submitted).await
    }
}

/// What comes of a task: as it comes, or at its end.
async fn outcome(
    (gateway, caller): (&Arc<Gateway>, &Caller),
    (binding, is_stream, numbering): (Binding, bool, Option<Numbering>),
    submitted: Submitted,
) -> Result<Response, Failure> {
    if is_stream {
        return stream::answer(gateway, caller, (binding, numbering), submitted);
    }
    let answer = send::answer(gateway, caller, submitted).await?;
    binding.answer(&Answer::Message(answer))
}

async fn answer_of(
    (gateway, caller): (&Gateway, &Caller),
    query: Query,
    version: ProtocolVersion,
) -> Result<Answer, Failure> {
    match query {
        Query::Get(agent, named) => {
            let task = find(gateway, caller, agent.as_deref(), named.task.as_ref()).await?;
            Ok(Answer::Task(view(&task)?.task(named.history_length)))
        }
        Query::Cancel(agent, named) => {
            let task = cancel::cancel(gateway, caller, agent.as_deref(), &named).await?;
            Ok(Answer::Task(task))
        }
        Query::Tasks(agent, list) => {
            let page = list::page(gateway, caller, agent.as_deref(), &list).await?;
            Ok(Answer::Tasks(page))
        }
        Query::Card(agent) => card((gateway, caller), agent.as_deref(), version).map(Answer::Card),
        Query::Push(agent, push) => push::answer((gateway, caller), agent.as_deref(), &push).await,
    }
}

/// A card, as its caller may see it. It is made of what may be many agents: never before its token is spent.
fn card(
    (gateway, caller): (&Gateway, &Caller),
    agent: Option<&Agent>,
    version: ProtocolVersion,
) -> Result<Value, Failure> {
    let directory = gateway.directory(caller);
    let card = directory.extended_card(agent.map(|agent| &agent.handle), version);
    // Since the call was read its caller may have ceased to see the agent.
    card.ok_or(Failure::NotFound)
}
