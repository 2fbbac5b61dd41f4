//! A2A calls to hosted agents: they are submitted as tasks, waited for and answered. What a call may say is in
//! `gateway-core`, and how a task ends is the registry's decision. A task must never be shown to anybody but its owner.

mod follow;
mod frames;
mod lookup;
mod place;
mod send;
mod stream;

use std::sync::Arc;

use axum::response::Response;
use gateway_core::dispatch::{self, Operation};
use gateway_core::media;
use gateway_core::params::{Faults, Named, Send, fault};
use gateway_core::task_view::{self, Outcome, TaskView, Turn};
use gateway_core::{CallError, Caller, Failure};
use http::StatusCode;
use proto_types::a2a::rpc::{Id, Request, Response as Answer};
use proto_types::a2a::{Message, Task};
use proto_types::{ContextId, Handle, Revision, TaskId, WallMs};
use proto_wire::registry::v1 as wire;
use serde::Serialize;
use serde_json::{Map, Value};
use tonic::Code;

use crate::agents::{Agent, Directory};
use crate::gateway::Gateway;
use crate::registry::Unanswered;
use crate::{reply, secrets};

/// How long a caller that cancels waits to see it done; then it is told the task as it is.
const CANCEL_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// A call that is in order, before its token is spent: nothing of it needs to be read again.
pub(crate) struct Call {
    id: Id,
    operation: Operation,
    params: Params,
}

enum Params {
    Send { agent: Arc<Agent>, send: Box<Send> },
    Task { agent: Option<Arc<Agent>>, named: Named },
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
        if let (None, Params::Send { send, .. }) = (&request.id, &mut params) {
            send.return_immediately = true;
            operation = Operation::SendMessage;
        }
        Ok(Self { id: request.id.unwrap_or(Id::Null), operation, params })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.operation.name()
    }

    /// Carries the call out for its caller.
    pub(crate) async fn answer(
        self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
    ) -> Result<Response, Failure> {
        let Self { id, operation, params } = self;
        let task = match params {
            Params::Send { agent, send } if operation == Operation::SendStreamingMessage => {
                return stream::answer(gateway, caller, &agent, *send, id).await;
            }
            Params::Send { agent, send } => {
                return ok(&answer_of(&id, &send::answer(gateway, caller, &agent, *send).await?)?);
            }
            Params::Task { agent, named } if operation == Operation::CancelTask => {
                cancel(gateway, caller, agent.as_deref(), &named).await?
            }
            Params::Task { agent, named } => {
                let task = find(gateway, caller, agent.as_deref(), named.task.as_ref()).await?;
                if operation == Operation::SubscribeToTask {
                    let unsupported = CallError::Operation(dispatch::Error::Unsupported);
                    return Err(Failure::Call(unsupported));
                }
                view(&task)?.task(named.history_length)
            }
        };
        ok(&answer_of(&id, &task)?)
    }
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
    Ok(Params::Send { agent, send: Box::new(send) })
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

async fn cancel(
    gateway: &Gateway,
    caller: &Caller,
    agent: Option<&Agent>,
    named: &Named,
) -> Result<Task, Failure> {
    let id = cancelable(gateway, caller, agent, named).await?;
    // Before it is canceled: the report of its end must find who waits. Whoever has no place left does not wait.
    let waiter = gateway.waiting.open(&id, secrets::random(), caller.origin()).ok();
    let shown = canceled(gateway, caller, &id).await?;
    // Its node has to end it first.
    let ended = match waiter.filter(|_| !shown.is_over()) {
        Some(waiter) => follow::wait(gateway, caller, &shown, waiter, CANCEL_WAIT).await?,
        None => None,
    };
    Ok(ended.unwrap_or(shown).task(named.history_length))
}

/// The id of a task that is not over.
async fn cancelable(
    gateway: &Gateway,
    caller: &Caller,
    agent: Option<&Agent>,
    named: &Named,
) -> Result<TaskId, Failure> {
    let task = view(&find(gateway, caller, agent, named.task.as_ref()).await?)?;
    match task.state.is_terminal() {
        true => Err(Failure::Call(CallError::TaskNotCancelable)),
        false => Ok(task.id),
    }
}

/// Asks the registry to cancel a task; how that stands then.
async fn canceled(gateway: &Gateway, caller: &Caller, id: &TaskId) -> Result<TaskView, Failure> {
    let (id, owner) = (id.as_str().to_owned(), caller.as_str().to_owned());
    let message = wire::CancelTaskRequest { id, owner };
    let task = gateway.registry.cancel_task(message).await.map_err(|error| match error {
        Unanswered::Refused { code: Code::FailedPrecondition, .. } => {
            Failure::Call(CallError::TaskNotCancelable)
        }
        error => of_task(&error),
    })?;
    view(&task)
}

/// The caller's task; another's is not found, and neither is one of another agent.
async fn find(
    gateway: &Gateway,
    caller: &Caller,
    agent: Option<&Agent>,
    id: Option<&TaskId>,
) -> Result<wire::Task, Failure> {
    let not_found = || Failure::Call(CallError::TaskNotFound);
    let id = id.ok_or_else(not_found)?;
    let task = read(gateway, caller, id, wire::Consistency::Strong).await?;
    match agent {
        Some(agent) if agent.handle.as_str() != task.agent => Err(not_found()),
        _ => Ok(task),
    }
}

async fn read(
    gateway: &Gateway,
    caller: &Caller,
    id: &TaskId,
    consistency: wire::Consistency,
) -> Result<wire::Task, Failure> {
    let message = wire::GetTaskRequest {
        id: id.as_str().to_owned(),
        owner: caller.as_str().to_owned(),
        consistency: consistency.into(),
    };
    gateway.registry.task(message).await.map_err(|error| of_task(&error))
}

fn of_task(error: &Unanswered) -> Failure {
    match error {
        Unanswered::Refused { code: Code::NotFound, .. } => Failure::Call(CallError::TaskNotFound),
        error => error.failure(),
    }
}

/// What the registry says of a task, in the core's terms.
fn view(task: &wire::Task) -> Result<TaskView, Failure> {
    let newest = outcome(task, &task.outcome)?;
    let turn = |turn: &wire::Turn| {
        Ok(Turn { input: Message::parse(&turn.input).ok(), outcome: outcome(task, &turn.outcome)? })
    };
    let turns = task.turns.iter().map(turn).collect::<Result<_, Failure>>()?;
    let ids = (TaskId::parse(&task.id), ContextId::parse(&task.context));
    let ((Ok(id), Ok(context)), Some(state)) = (ids, task_view::state(&task.state)) else {
        tracing::error!(
            task = task.id,
            state = task.state,
            "the registry holds a task that cannot be read"
        );
        return Err(Failure::Internal);
    };
    Ok(TaskView {
        id,
        context,
        state,
        changed_at: WallMs(task.changed_at_ms),
        reason: task.reason.clone(),
        revision: Revision(task.revision),
        turns,
        input: Message::parse(&task.input).ok(),
        outcome: newest,
    })
}

fn outcome(task: &wire::Task, document: &[u8]) -> Result<Outcome, Failure> {
    Outcome::parse(document).map_err(|_| {
        tracing::error!(task = task.id, "a committed outcome cannot be read");
        Failure::Call(CallError::AgentResponse)
    })
}
