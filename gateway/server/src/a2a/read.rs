//! The parameters of a call, read for the viewer who makes it. An agent that the caller may not see must never be told from
//! one that does not exist.
//!
//! A task that is named without an agent is one of the default agent, if that is attached and its id was sealed for this caller
//! there; else it is a hosted agent's, whichever that is.

use std::sync::Arc;

use gateway_core::dispatch::{self, Operation};
use gateway_core::form::Form;
use gateway_core::params::{self, Faults, List, Named, Send, fault};
use gateway_core::relay::Outgoing;
use gateway_core::{CallError, media};
use proto_types::a2a::ListTasksRequest;
use proto_types::{Handle, TaskId, Upstream};
use serde_json::Value;

use crate::agents::{Agent, Directory};

use super::relay::Relay;
use super::{Addressed, Call, Params, Prepaid, Query, Request};

impl Call {
    /// Reads a call. What it says about the agent must fit the path. `opens` says whether its caller was told this id of a
    /// task of this attached agent.
    pub(crate) fn read(
        directory: &Directory,
        addressed: Addressed,
        request: Request,
        opens: impl Fn(&Handle, &TaskId) -> bool,
    ) -> Result<Self, CallError> {
        let Request { binding, operation, params: said, is_notification } = request;
        let operation = if is_notification { unheard(operation) } else { operation };
        let is_stream =
            matches!(operation, Operation::SendStreamingMessage | Operation::SubscribeToTask);
        let form = binding.form();
        let mut params = read(directory, addressed, operation, (form, &said))?;
        if let Some((unnamed, task)) = params.of_unnamed() {
            let default = directory.default_agent().filter(|agent| agent.upstream().is_some());
            *unnamed = default.filter(|agent| opens(&agent.handle, task));
        }
        if let Some((agent, upstream)) = params.attached() {
            let asked = outgoing((operation, &*upstream), form, &said)?;
            let relay = Relay::new(agent, upstream, asked);
            params = Params::Prepaid(Prepaid::Relay(Box::new(relay)));
        }
        if is_notification {
            params.return_immediately();
        }
        Ok(Self { binding, is_stream, params })
    }
}

/// Nobody waits for the end of a notification, nor hears what follows.
const fn unheard(operation: Operation) -> Operation {
    match operation {
        Operation::SendStreamingMessage => Operation::SendMessage,
        Operation::SubscribeToTask => Operation::GetTask,
        operation => operation,
    }
}

impl Params {
    /// The attached agent that is asked. What is asked for a card is the gateway, whoever's it is.
    fn attached(&self) -> Option<(Arc<Agent>, Arc<Upstream>)> {
        let agent = match self {
            Self::Begin { agent, .. } | Self::Prepaid(Prepaid::Continue { agent, .. }) => agent,
            Self::Prepaid(
                Prepaid::Subscribe(agent, _)
                | Prepaid::Query(
                    Query::Get(agent, _) | Query::Cancel(agent, _) | Query::Tasks(agent, _),
                ),
            ) => agent.as_ref()?,
            Self::Prepaid(Prepaid::Query(Query::Card(_)) | Prepaid::Relay(_)) => return None,
        };
        agent.upstream().map(|upstream| (Arc::clone(agent), Arc::clone(upstream)))
    }

    /// The task that is named without an agent, and where its agent stands if there is one.
    fn of_unnamed(&mut self) -> Option<(&mut Addressed, &TaskId)> {
        match self {
            Self::Prepaid(
                Prepaid::Subscribe(agent, named)
                | Prepaid::Query(Query::Get(agent, named) | Query::Cancel(agent, named)),
            ) if agent.is_none() => Some((agent, named.task.as_ref()?)),
            _ => None,
        }
    }

    /// A message is answered with its task as it is.
    fn return_immediately(&mut self) {
        match self {
            Self::Begin { send, .. } | Self::Prepaid(Prepaid::Continue { send, .. }) => {
                send.return_immediately = true;
            }
            Self::Prepaid(Prepaid::Relay(relay)) => relay.return_immediately(),
            Self::Prepaid(Prepaid::Subscribe(..) | Prepaid::Query(_)) => {}
        }
    }
}

/// What an attached agent is asked, of which all is in order that is looked at here. It may understand what we pass over.
fn outgoing(
    (operation, upstream): (Operation, &Upstream),
    form: Form,
    params: &Value,
) -> Result<Outgoing, CallError> {
    let read = match operation {
        Operation::SendMessage => form.send_message(params).map(Outgoing::Send),
        Operation::SendStreamingMessage => form.send_message(params).map(Outgoing::Stream),
        Operation::GetTask => form.get_task(params).map(Outgoing::Get),
        Operation::CancelTask => form.cancel_task(params).map(Outgoing::Cancel),
        Operation::SubscribeToTask => form.subscribe_to_task(params).map(Outgoing::Subscribe),
        Operation::ListTasks => {
            let list = ListTasksRequest::from_value(params).map_err(CallError::Params)?;
            return Outgoing::list(list, upstream).ok_or(CallError::AttachedUnsupported);
        }
        Operation::GetExtendedAgentCard => return Err(CallError::AttachedUnsupported),
    };
    read.map_err(CallError::Params)
}

/// What an operation is called with.
fn read(
    directory: &Directory,
    addressed: Addressed,
    operation: Operation,
    (form, params): (Form, &Value),
) -> Result<Params, CallError> {
    let prepaid = match operation {
        Operation::SendMessage | Operation::SendStreamingMessage => {
            return read_send(directory, addressed, Send::parse(form, params));
        }
        Operation::GetTask => {
            let (agent, named) = of_task(directory, addressed, Named::parse_get(form, params))?;
            Prepaid::Query(Query::Get(agent, named))
        }
        Operation::CancelTask => {
            let (agent, named) = of_task(directory, addressed, Named::parse_cancel(form, params))?;
            Prepaid::Query(Query::Cancel(agent, named))
        }
        Operation::SubscribeToTask => {
            let named = Named::parse_subscribe(form, params);
            let (agent, named) = of_task(directory, addressed, named)?;
            Prepaid::Subscribe(agent, named)
        }
        Operation::ListTasks => Prepaid::Query(read_list(directory, addressed, params)?),
        Operation::GetExtendedAgentCard => {
            Prepaid::Query(read_card(directory, addressed, (form, params))?)
        }
    };
    Ok(Params::Prepaid(prepaid))
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
        false => Params::Prepaid(Prepaid::Continue { agent, send }),
    })
}

/// What names a task, with the agent that it must be a task of.
fn of_task(
    directory: &Directory,
    addressed: Addressed,
    named: Result<Named, Faults>,
) -> Result<(Addressed, Named), CallError> {
    let named = named.map_err(CallError::Params)?;
    Ok((agent(directory, addressed, named.tenant.as_ref())?, named))
}

fn read_list(
    directory: &Directory,
    addressed: Addressed,
    params: &Value,
) -> Result<Query, CallError> {
    let list = List::parse(params).map_err(CallError::Params)?;
    let agent = agent(directory, addressed, list.tenant.as_ref())?;
    Ok(Query::Tasks(agent, Box::new(list)))
}

fn read_card(
    directory: &Directory,
    addressed: Addressed,
    (form, params): (Form, &Value),
) -> Result<Query, CallError> {
    let tenant = params::card_tenant(form, params).map_err(CallError::Params)?;
    Ok(Query::Card(agent(directory, addressed, tenant.as_ref())?))
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
            agent.map(Some).ok_or_else(|| tenant("an agent of this instance"))
        }
    }
}

fn tenant(must_be: &'static str) -> CallError {
    CallError::Params(vec![fault("/tenant", must_be)])
}
