//! The parameters of a call, read for the viewer who makes it. An agent that the caller may not see must never be told from
//! one that does not exist.
//!
//! A task that is named without an agent is one of the default agent, if that is attached and its id was sealed for this caller
//! there; else it is a hosted agent's, whichever that is.

use std::sync::Arc;

use gateway_core::dispatch::{self, Operation};
use gateway_core::form::Form;
use gateway_core::params::push::{Push, in_message, in_params, refused_url};
use gateway_core::params::{self, Faults, List, Named, Send, fault};
use gateway_core::relay::Outgoing;
use gateway_core::{CallError, media};
use proto_types::a2a::ListTasksRequest;
use proto_types::{Handle, PushUrl, TaskId, Upstream};
use serde_json::Value;

use crate::agents::{Agent, Directory};

use super::extensions::extended;
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
        let Request { binding, operation, params: said, is_notification, .. } = request;
        let requested = (request.extensions, request.last_event.as_deref());
        let operation = if is_notification { unheard(operation) } else { operation };
        let is_stream =
            matches!(operation, Operation::SendStreamingMessage | Operation::SubscribeToTask);
        let form = binding.form();
        let mut params = read((directory, addressed), operation, (form, &said))?;
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
        let (extensions, numbering) = extended(&params, (operation, &binding), requested)?;
        let params = if extensions.idempotent_send { params.repeatable() } else { params };
        Ok(Self { binding, operation, is_stream, extensions, numbering, params })
    }

    /// Refuses a receiver of push notifications that is never called from here.
    pub(crate) fn check_receiver(
        &self,
        is_refused: impl Fn(&PushUrl) -> bool,
    ) -> Result<(), CallError> {
        let form = self.binding.form();
        let (config, at) = match &self.params {
            Params::Begin { send, .. }
            | Params::Prepaid(Prepaid::Repeatable { send, .. } | Prepaid::Continue { send, .. }) => {
                (send.push.as_ref(), in_message(form))
            }
            Params::Prepaid(Prepaid::Query(Query::Push(_, push))) => {
                (push.config(), in_params(form))
            }
            Params::Prepaid(Prepaid::Query(_) | Prepaid::Subscribe(..) | Prepaid::Relay(_)) => {
                return Ok(());
            }
        };
        match config {
            Some(config) if is_refused(&config.url) => Err(CallError::Params(refused_url(at))),
            _ => Ok(()),
        }
    }
}

/// The answer where the changes of an agent's tasks are not pushed (A2A 1.0, section 3.3.4).
pub(super) const NO_PUSH: CallError = CallError::Operation(dispatch::Error::PushNotifications);

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
            Self::Begin { agent, .. }
            | Self::Prepaid(Prepaid::Repeatable { agent, .. } | Prepaid::Continue { agent, .. }) => {
                agent
            }
            Self::Prepaid(
                Prepaid::Subscribe(agent, _)
                | Prepaid::Query(
                    Query::Get(agent, _)
                    | Query::Cancel(agent, _)
                    | Query::Tasks(agent, _)
                    | Query::Push(agent, _),
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
            Self::Prepaid(Prepaid::Query(Query::Push(agent, push))) if agent.is_none() => {
                Some((agent, push.task.as_ref()?))
            }
            _ => None,
        }
    }

    /// A message is answered with its task as it is.
    fn return_immediately(&mut self) {
        match self {
            Self::Begin { send, .. }
            | Self::Prepaid(Prepaid::Repeatable { send, .. } | Prepaid::Continue { send, .. }) => {
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
        Operation::CreateTaskPushNotificationConfig
        | Operation::GetTaskPushNotificationConfig
        | Operation::ListTaskPushNotificationConfigs
        | Operation::DeleteTaskPushNotificationConfig => return Err(NO_PUSH),
    };
    read.map_err(CallError::Params)
}

/// What an operation is called with.
fn read(
    here: (&Directory, Addressed),
    operation: Operation,
    (form, params): (Form, &Value),
) -> Result<Params, CallError> {
    let query = match operation {
        Operation::SendMessage | Operation::SendStreamingMessage => {
            return read_send(here, Send::parse(form, params));
        }
        Operation::GetTask => {
            let (agent, named) = of_task(here, Named::parse_get(form, params))?;
            Query::Get(agent, named)
        }
        Operation::CancelTask => {
            let (agent, named) = of_task(here, Named::parse_cancel(form, params))?;
            Query::Cancel(agent, named)
        }
        Operation::SubscribeToTask => {
            let (agent, named) = of_task(here, Named::parse_subscribe(form, params))?;
            return Ok(Params::Prepaid(Prepaid::Subscribe(agent, named)));
        }
        Operation::ListTasks => read_list(here, params)?,
        Operation::GetExtendedAgentCard => read_card(here, (form, params))?,
        Operation::CreateTaskPushNotificationConfig => read_push(here, Push::create(form, params))?,
        Operation::GetTaskPushNotificationConfig => read_push(here, Push::get(form, params))?,
        Operation::ListTaskPushNotificationConfigs => read_push(here, Push::list(form, params))?,
        Operation::DeleteTaskPushNotificationConfig => read_push(here, Push::delete(form, params))?,
    };
    Ok(Params::Prepaid(Prepaid::Query(query)))
}

fn read_send(
    (directory, addressed): (&Directory, Addressed),
    send: Result<Send, Faults>,
) -> Result<Params, CallError> {
    let send = send.map_err(CallError::Params)?;
    let agent = agent((directory, addressed), send.tenant.as_ref())?;
    let agent = agent.or_else(|| directory.default_agent());
    let agent = agent.ok_or_else(|| tenant("the agent to be called"))?;
    if send.push.is_some() && !agent.pushes() {
        return Err(NO_PUSH);
    }
    media::check(&send.message, &agent.input_modes).map_err(CallError::ContentType)?;
    let (begins, send) = (send.task.is_none(), Box::new(send));
    Ok(match begins {
        true => Params::Begin { agent, send },
        false => Params::Prepaid(Prepaid::Continue { agent, send }),
    })
}

/// What names a task, with the agent that it must be a task of.
fn of_task(
    here: (&Directory, Addressed),
    named: Result<Named, Faults>,
) -> Result<(Addressed, Named), CallError> {
    let named = named.map_err(CallError::Params)?;
    Ok((agent(here, named.tenant.as_ref())?, named))
}

fn read_list(here: (&Directory, Addressed), params: &Value) -> Result<Query, CallError> {
    let list = List::parse(params).map_err(CallError::Params)?;
    let agent = agent(here, list.tenant.as_ref())?;
    Ok(Query::Tasks(agent, Box::new(list)))
}

/// What is asked about the push configurations of a task. Where no agent is named, the task's is looked at later.
fn read_push(
    here: (&Directory, Addressed),
    push: Result<Push, Faults>,
) -> Result<Query, CallError> {
    let is_pushed = |agent: &Addressed| agent.as_ref().is_none_or(|agent| agent.pushes());
    if !is_pushed(&here.1) {
        return Err(NO_PUSH);
    }
    let push = push.map_err(CallError::Params)?;
    let agent = agent(here, push.tenant.as_ref())?;
    if is_pushed(&agent) { Ok(Query::Push(agent, Box::new(push))) } else { Err(NO_PUSH) }
}

fn read_card(
    here: (&Directory, Addressed),
    (form, params): (Form, &Value),
) -> Result<Query, CallError> {
    let tenant = params::card_tenant(form, params).map_err(CallError::Params)?;
    Ok(Query::Card(agent(here, tenant.as_ref())?))
}

/// The agent of the path, or of the tenant where the path names none.
fn agent(
    (directory, addressed): (&Directory, Addressed),
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
