//! CancelTask: the registry is asked to end a task, and its end waited for. A caller that has no place to wait must never be
//! kept from canceling.

use std::time::Duration;

use gateway_core::params::Named;
use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Caller, Failure};
use proto_types::TaskId;
use proto_types::a2a::Task;
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::registry::Unanswered;
use crate::secrets;

use super::follow;
use super::task::{find, of_task, view};

/// How long a caller that cancels waits to see it done; then it is told the task as it is.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

pub(super) async fn cancel(
    gateway: &Gateway,
    caller: &Caller,
    agent: Option<&Agent>,
    named: &Named,
) -> Result<Task, Failure> {
    let id = cancelable(gateway, caller, agent, named).await?;
    // Before it is canceled: the report of its end must find who waits. Whoever has no place left does not wait.
    let waiter = gateway.waiting.open(&id, secrets::random(), caller.owner()).ok();
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
