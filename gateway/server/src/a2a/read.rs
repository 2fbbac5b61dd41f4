//! The parameters of a call, read for the viewer who makes it. An agent that the caller may not see must never be told from
//! one that does not exist.

use std::sync::Arc;

use gateway_core::dispatch::{self, Operation};
use gateway_core::form::Form;
use gateway_core::params::{self, Faults, List, Named, Send, fault};
use gateway_core::{CallError, media};
use proto_types::Handle;
use serde_json::Value;

use crate::agents::{Agent, Directory};

use super::{Addressed, Call, Params, Query, Request};

impl Call {
    /// Reads a call. What it says about the agent must fit the path.
    pub(crate) fn read(
        directory: &Directory,
        addressed: Addressed,
        request: Request,
    ) -> Result<Self, CallError> {
        let Request { binding, operation, params, is_notification } = request;
        // Nobody waits for the end of a notification, nor hears what follows.
        let operation = match operation {
            Operation::SendStreamingMessage if is_notification => Operation::SendMessage,
            Operation::SubscribeToTask if is_notification => Operation::GetTask,
            operation => operation,
        };
        let form = binding.form();
        let mut params = match operation {
            Operation::SendMessage | Operation::SendStreamingMessage => {
                read_send(directory, addressed, Send::parse(form, &params))?
            }
            _ => read_other(directory, addressed, operation, (form, &params))?,
        };
        if let (true, Params::Begin { send, .. } | Params::Continue { send, .. }) =
            (is_notification, &mut params)
        {
            send.return_immediately = true;
        }
        Ok(Self { binding, operation, params })
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
    let (begins, send) = (send.task.is_none(), Box::new(send));
    Ok(match begins {
        true => Params::Begin { agent, send },
        false => Params::Continue { agent, send },
    })
}

fn read_other(
    directory: &Directory,
    addressed: Addressed,
    operation: Operation,
    (form, params): (Form, &Value),
) -> Result<Params, CallError> {
    let agent = |tenant: Option<&Handle>| agent(directory, addressed, tenant);
    let named = match operation {
        Operation::ListTasks => {
            let list = List::parse(params).map_err(CallError::Params)?;
            let agent = agent(list.tenant.as_ref())?;
            return Ok(Params::Query(Query::Tasks(agent, Box::new(list))));
        }
        Operation::GetExtendedAgentCard => {
            let tenant = params::card_tenant(form, params).map_err(CallError::Params)?;
            return Ok(Params::Query(Query::Card(agent(tenant.as_ref())?, form)));
        }
        Operation::CancelTask => Named::parse_cancel(form, params),
        Operation::SubscribeToTask => Named::parse_subscribe(form, params),
        _ => Named::parse_get(form, params),
    };
    let named = named.map_err(CallError::Params)?;
    let agent = agent(named.tenant.as_ref())?;
    Ok(match operation {
        Operation::SubscribeToTask => Params::Subscribe(agent, named),
        _ => Params::Query(Query::Task(agent, named)),
    })
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
