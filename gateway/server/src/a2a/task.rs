//! A task as the registry tells it, read into the core's terms. One of another owner, or of another agent than the call names,
//! must never be told from one that does not exist.

use gateway_core::task_view::{self, Outcome, TaskView, Turn};
use gateway_core::{CallError, Caller, Failure};
use proto_types::a2a::Message;
use proto_types::{ContextId, Revision, TaskId, WallMs};
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::registry::Unanswered;

/// The caller's task; another's is not found, and neither is one of another agent.
pub(super) async fn find(
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

pub(super) async fn read(
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

pub(super) fn of_task(error: &Unanswered) -> Failure {
    match error {
        Unanswered::Refused { code: Code::NotFound, .. } => Failure::Call(CallError::TaskNotFound),
        error => error.failure(),
    }
}

/// What the registry says of a task, in the core's terms.
pub(super) fn view(task: &wire::Task) -> Result<TaskView, Failure> {
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
        gateway: task.gateway.clone(),
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
