//! The parameters of a call, read for the viewer who makes it. An agent that the caller may not see must never be told from
//! one that does not exist.

use std::sync::Arc;

use gateway_core::dispatch::{self, Operation};
use gateway_core::form::Form;
use gateway_core::params::{self, Faults, List, Named, Send, fault};
use gateway_core::relay::Outgoing;
use gateway_core::{CallError, media};
use proto_types::{Handle, Upstream};
use serde_json::Value;

use crate::agents::{Agent, Directory};

use super::relay::Relay;
use super::{Addressed, Call, Params, Prepaid, Query, Request};

impl Call {
    /// Reads a call. What it says about the agent must fit the path.
    pub(crate) fn read(
        directory: &Directory,
        addressed: Addressed,
        request: Request,
    ) -> Result<Self, CallError> {
        let Request { binding, operation, params: said, is_notification } = request;
        // Nobody waits for the end of a notification, nor hears what follows.
        let operation = match operation {
            Operation::SendStreamingMessage if is_notification => Operation::SendMessage,
            Operation::SubscribeToTask if is_notification => Operation::GetTask,
            operation => operation,
        };
        let is_stream =
            matches!(operation, Operation::SendStreamingMessage | Operation::SubscribeToTask);
        let form = binding.form();
        let mut params = read(directory, addressed, operation, (form, &said))?;
        if let Some((agent, upstream)) = params.attached() {
            let relay = Relay::new(agent, upstream, outgoing(operation, form, &said)?);
            params = Params::Prepaid(Prepaid::Relay(Box::new(relay)));
        }
        if is_notification {
            params.return_immediately();
        }
        Ok(Self { binding, is_stream, params })
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
fn outgoing(operation: Operation, form: Form, params: &Value) -> Result<Outgoing, CallError> {
    let read = match operation {
        Operation::SendMessage => form.send_message(params).map(Outgoing::Send),
        Operation::SendStreamingMessage => form.send_message(params).map(Outgoing::Stream),
        Operation::GetTask => form.get_task(params).map(Outgoing::Get),
        Operation::CancelTask => form.cancel_task(params).map(Outgoing::Cancel),
        Operation::SubscribeToTask => form.subscribe_to_task(params).map(Outgoing::Subscribe),
        // Its list would have the tasks of all that it knows as one caller.
        Operation::ListTasks | Operation::GetExtendedAgentCard => {
            return Err(CallError::AttachedUnsupported);
        }
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
