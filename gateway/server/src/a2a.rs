//! A2A calls to hosted agents: they are submitted as tasks, waited for and answered. What a call may say is in
//! `gateway-core`, and how a task ends is the registry's decision. A task must never be shown to anybody but its owner, and
//! nothing be asked of the registry in a caller's name before its token is spent, but what the token travels with.

mod cancel;
mod follow;
mod frames;
mod lookup;
mod place;
mod send;
mod stream;
mod submit;
mod task;

use std::sync::Arc;

use axum::response::Response;
use gateway_core::dispatch::{self, Operation};
use gateway_core::media;
use gateway_core::params::{Faults, Named, Send, fault};
use gateway_core::{CallError, Caller, Failure};
use http::StatusCode;
use proto_types::Handle;
use proto_types::a2a::Task;
use proto_types::a2a::rpc::{Id, Request, Response as Answer};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::agents::{Agent, Directory};
use crate::gateway::Gateway;
use crate::reply;
use crate::spend::Payment;

use self::send::Submitted;
use self::task::{find, view};

/// A call that is in order, before its token is spent: nothing of it needs to be read again.
pub(crate) struct Call {
    id: Id,
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
    Task {
        agent: Option<Arc<Agent>>,
        named: Named,
    },
}

/// A call whose token is spent.
pub(crate) struct Paid {
    id: Id,
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
    Task {
        agent: Option<Arc<Agent>>,
        named: Named,
    },
}

/// Which agent the path names; none for the instance's own endpoint.
pub(crate) type Addressed = Option<Arc<Agent>>;

impl Call {
    /// Reads a call. What it says about the agent must fit the path.
    pub(crate) fn read(
        directory: &Directory,
        addressed: Addressed,
        request: Request,
    ) -> Result<Self, CallError> {
        let mut operation = Operation::of(&request.method).map_err(CallError::Operation)?;
        let params = request.params.unwrap_or_else(|| Value::Object(Map::new()));
        let mut params = match operation {
            Operation::SendMessage | Operation::SendStreamingMessage => {
                read_send(directory, addressed, Send::parse(&params))?
            }
            Operation::GetTask => read_named(directory, addressed, Named::parse_get(&params))?,
            Operation::CancelTask => {
                read_named(directory, addressed, Named::parse_cancel(&params))?
            }
            Operation::SubscribeToTask => {
                read_named(directory, addressed, Named::parse_subscribe(&params))?
            }
        };
        // Nobody waits for the end of a notification.
        let sends = (&request.id, &mut params);
        if let (None, Params::Begin { send, .. } | Params::Continue { send, .. }) = sends {
            send.return_immediately = true;
            operation = Operation::SendMessage;
        }
        Ok(Self { id: request.id.unwrap_or(Id::Null), operation, params })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.operation.name()
    }

    /// Spends the caller's token. A message that begins a task takes it along: the registry takes both or neither, in one
    /// commit. Before all other calls it is spent by itself.
    pub(crate) async fn pay(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        payment: Payment,
    ) -> Result<Paid, Failure> {
        let Self { id, operation, params } = self;
        let step = match params {
            Params::Begin { agent, send } => {
                let stream = stream_of(operation, &id);
                let begun = send::begin(gateway, (caller, &agent), *send, stream, payment).await?;
                Step::Begun(Box::new(begun))
            }
            Params::Continue { agent, send } => {
                gateway.spender.spend(payment).await?;
                Step::Continue { agent, send }
            }
            Params::Task { agent, named } => {
                gateway.spender.spend(payment).await?;
                Step::Task { agent, named }
            }
        };
        Ok(Paid { id, operation, step })
    }
}

impl Paid {
    /// Carries the call out for its caller.
    pub(crate) async fn answer(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
    ) -> Result<Response, Failure> {
        let Self { id, operation, step } = self;
        let stream = stream_of(operation, &id);
        let submitted = match step {
            Step::Begun(submitted) => *submitted,
            Step::Continue { agent, send } => {
                send::go_on(gateway, (caller, &agent), *send, stream).await?
            }
            Step::Task { agent, named } => {
                let task = of_named(gateway, caller, operation, (agent.as_deref(), &named)).await?;
                return ok(&answer_of(&id, &task)?);
            }
        };
        match stream {
            Some(_) => stream::answer(gateway, caller, id, submitted),
            None => ok(&answer_of(&id, &send::answer(gateway, caller, submitted).await?)?),
        }
    }
}

/// The call whose answer is a stream, if this one's is.
fn stream_of(operation: Operation, id: &Id) -> Option<&Id> {
    (operation == Operation::SendStreamingMessage).then_some(id)
}

/// What GetTask, CancelTask and SubscribeToTask answer.
async fn of_named(
    gateway: &Gateway,
    caller: &Caller,
    operation: Operation,
    (agent, named): (Option<&Agent>, &Named),
) -> Result<Task, Failure> {
    if operation == Operation::CancelTask {
        return cancel::cancel(gateway, caller, agent, named).await;
    }
    let task = find(gateway, caller, agent, named.task.as_ref()).await?;
    if operation == Operation::SubscribeToTask {
        return Err(Failure::Call(CallError::Operation(dispatch::Error::Unsupported)));
    }
    Ok(view(&task)?.task(named.history_length))
}

fn read_send(
    directory: &Directory,
    addressed: Addressed,
    send: Result<Send, Faults>,
) -> Result<Params, CallError> {
    let send = send.map_err(CallError::Params)?;
    if send.wants_push {
        return Err(CallError::Operation(dispatch::Error::PushNotifications));
    }
    let agent = agent(directory, addressed, send.tenant.as_ref())?;
    let agent = agent.or_else(|| directory.default_agent());
    let agent = agent.ok_or_else(|| tenant("the agent to be called"))?;
    media::check(&send.message, &agent.input_modes).map_err(CallError::ContentType)?;
    let (begins, send) = (send.task.is_none(), Box::new(send));
    Ok(match begins {
        true => Params::Begin { agent, send },
        false => Params::Continue { agent, send },
    })
}

fn read_named(
    directory: &Directory,
    addressed: Addressed,
    named: Result<Named, Faults>,
) -> Result<Params, CallError> {
    let named = named.map_err(CallError::Params)?;
    let agent = agent(directory, addressed, named.tenant.as_ref())?;
    Ok(Params::Task { agent, named })
}

fn ok(answer: &Answer) -> Result<Response, Failure> {
    let body = serde_json::to_string(answer).map_err(|_| Failure::Internal)?;
    Ok(reply::body(StatusCode::OK, "application/json", body))
}

/// The JSON-RPC answer that carries a result.
fn answer_of(id: &Id, result: &impl Serialize) -> Result<Answer, Failure> {
    let result = serde_json::to_value(result).map_err(|_| Failure::Internal)?;
    Ok(Answer::ok(id.clone(), result))
}

/// The agent of the path, or of the tenant where the path names none.
fn agent(
    directory: &Directory,
    addressed: Addressed,
    named: Option<&Handle>,
) -> Result<Option<Arc<Agent>>, CallError> {
    match (addressed, named) {
        (addressed, None) => Ok(addressed),
        (Some(agent), Some(named)) if agent.handle == *named => Ok(Some(agent)),
        (Some(_), Some(_)) => Err(tenant("the agent that the path names")),
        (None, Some(named)) => {
            let agent = directory.callable(named);
            agent.map(Some).ok_or_else(|| tenant("an agent that is hosted here"))
        }
    }
}

fn tenant(must_be: &'static str) -> CallError {
    CallError::Params(vec![fault("/tenant", must_be)])
}
