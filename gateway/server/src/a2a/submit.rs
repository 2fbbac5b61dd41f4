//! The submission of a message to the registry, and what a refusal of it tells the caller.
//!
//! Decides what becomes of a task that its caller will never hear of. Must never take a lost answer for one that says that
//! nothing was begun.

use std::sync::Arc;

use gateway_core::params::fault;
use gateway_core::{BodyFault, CallError, Caller, Failure};
use proto_types::{Code as Known, TaskId};
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::gateway::Gateway;
use crate::registry::{Registry, Unanswered};
use crate::spend::overlooked;

use super::task::{of_task, read};

/// A task whose id its caller does not know yet. If that hangs up or is refused, nobody will ever ask for the task: then
/// it is canceled, and its slot and its place in the queue are another's.
pub(super) struct Unheard {
    registry: Arc<Registry>,
    task: Option<wire::CancelTaskRequest>,
}

impl Unheard {
    fn new(gateway: &Gateway, task: &wire::SubmitTaskRequest) -> Self {
        let (id, owner) = (task.id.clone(), task.owner.clone());
        let task = Some(wire::CancelTaskRequest { id, owner });
        Self { registry: Arc::clone(&gateway.registry), task }
    }

    /// The caller is told of its task.
    pub(super) fn answered(mut self) {
        self.task = None;
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        let Some(message) = self.task.take() else { return };
        let registry = Arc::clone(&self.registry);
        tokio::spawn(async move {
            if let Err(error) = registry.cancel_task(message).await {
                tracing::debug!(%error, "a task nobody waits for is not canceled");
            }
        });
    }
}

/// Submits a new task, which ends with its caller's patience until that has been told of it.
pub(super) async fn begin_task(
    gateway: &Gateway,
    message: wire::SubmitTaskRequest,
) -> Result<(wire::Task, Unheard), Failure> {
    let unheard = Unheard::new(gateway, &message);
    match gateway.registry.submit_task(message).await {
        Ok(task) if task.gateway == gateway.id.as_str() => Ok((task, unheard)),
        // A registry that does not know whose task it is knows of no token in its message either.
        Ok(_) => Err(overlooked()),
        Err(error) => {
            if !may_run(&error) {
                unheard.answered();
            }
            Err(not_submitted(&error, gateway.call_bytes_max()))
        }
    }
}

/// Submits a message that its caller may have sent before, or will send again: the task that it began then, or begins now.
pub(super) async fn begin_once(
    gateway: &Gateway,
    caller: &Caller,
    (id, message): (&TaskId, wire::SubmitTaskRequest),
) -> Result<wire::Task, Failure> {
    match gateway.registry.submit_task(message).await {
        Ok(task) => Ok(task),
        Err(Unanswered::Refused { code: Code::AlreadyExists, .. }) => {
            Err(not_the_same(gateway, caller, id).await)
        }
        // All else was read before: the task has as many push configurations as one may have.
        Err(Unanswered::Refused { code: Code::InvalidArgument, .. }) => {
            let faults = vec![fault("/configuration", "one of 8 push configurations of the task")];
            Err(Failure::Call(CallError::Params(faults)))
        }
        Err(error) => Err(not_submitted(&error, gateway.call_bytes_max())),
    }
}

/// Another message of its caller has the id, or another caller the conversation.
async fn not_the_same(gateway: &Gateway, caller: &Caller, id: &TaskId) -> Failure {
    match read(gateway, caller, id, wire::Consistency::Strong).await {
        Ok(_) => {
            let must_be = "another one: a different message to this agent had it";
            Failure::Call(CallError::Params(vec![fault("/message/messageId", must_be)]))
        }
        Err(Failure::Call(CallError::TaskNotFound)) => foreign_context(),
        Err(failure) => failure,
    }
}

/// Whether the task may be there, or come yet: an attempt whose answer was lost may have submitted it. Not where the token was
/// spent before: the task of such an attempt would be there, and be the answer.
fn may_run(error: &Unanswered) -> bool {
    error.in_doubt() && !error.is_spent()
}

fn not_submitted(error: &Unanswered, limit: u64) -> Failure {
    match error {
        error if error.is_spent() => Failure::Replayed,
        // What refuses the last attempt says nothing of the ones before.
        error if may_run(error) => Failure::RegistryAway,
        // The agent was there when the call was read.
        Unanswered::Refused { code: Code::NotFound, .. } => Failure::NotFound,
        // The task's id is new: what is there already is the conversation, and it is another's.
        Unanswered::Refused { code: Code::AlreadyExists, .. } => foreign_context(),
        error => unsent(error, limit),
    }
}

fn foreign_context() -> Failure {
    let faults = vec![fault("/message/contextId", "a conversation of the caller's own")];
    Failure::Call(CallError::Params(faults))
}

pub(super) async fn continue_task(
    gateway: &Gateway,
    message: wire::SubmitTaskRequest,
) -> Result<wire::Task, Failure> {
    let wire::SubmitTaskRequest { id, owner, input, .. } = message;
    let wire::SubmitTaskRequest { deadline_ms, reply_to, traceparent, push, .. } = message;
    let message = wire::ContinueTaskRequest {
        id,
        owner,
        input,
        deadline_ms,
        reply_to,
        omit_input: true,
        traceparent,
        push,
    };
    let continued = gateway.registry.continue_task(message).await;
    continued.map_err(|error| not_continued(&error, gateway.call_bytes_max()))
}

fn not_continued(error: &Unanswered, limit: u64) -> Failure {
    match error {
        // Another message was first, it was canceled, or it has as many messages as a task takes.
        Unanswered::Refused { code: Code::FailedPrecondition | Code::AlreadyExists, .. } => {
            Failure::Call(CallError::TaskOver)
        }
        // All else was read before: the task has as many push configurations as one may have.
        Unanswered::Refused { code: Code::InvalidArgument, .. } => {
            let faults = vec![fault("/configuration", "one of 8 push configurations of the task")];
            Failure::Call(CallError::Params(faults))
        }
        error => unsent(error, limit),
    }
}

/// A message may be longer as the registry keeps it than as it came.
fn unsent(error: &Unanswered, limit: u64) -> Failure {
    match error {
        Unanswered::Refused { ecumene, .. } if ecumene == Known::BodyTooLarge.as_str() => {
            Failure::Body(BodyFault::TooLarge { limit })
        }
        Unanswered::Refused { code: Code::ResourceExhausted, .. } => error.failure(),
        error => of_task(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_has_its_share_is_told_so_and_its_task_is_not_over() {
        let over = || Failure::Call(CallError::TaskOver);
        for (code, ecumene, submitted, continued) in [
            (
                Code::ResourceExhausted,
                "share-reached",
                Failure::ShareReached,
                Failure::ShareReached,
            ),
            (Code::ResourceExhausted, "bound-reached", Failure::Overloaded, Failure::Overloaded),
            (Code::Unauthenticated, "token-spent", Failure::Replayed, Failure::Internal),
            (Code::Unauthenticated, "unauthenticated", Failure::Internal, Failure::Internal),
            (Code::FailedPrecondition, "task-ended", Failure::Internal, over()),
            (Code::AlreadyExists, "conflict", foreign_context(), over()),
            (
                Code::ResourceExhausted,
                "body-too-large",
                Failure::Body(BodyFault::TooLarge { limit: 7 }),
                Failure::Body(BodyFault::TooLarge { limit: 7 }),
            ),
        ] {
            for earlier_in_doubt in [false, true] {
                let ecumene = ecumene.to_owned();
                let refused = Unanswered::Refused { code, ecumene, earlier_in_doubt };
                let told = match may_run(&refused) {
                    true => Failure::RegistryAway,
                    false => submitted.clone(),
                };
                assert_eq!(not_submitted(&refused, 7), told, "{refused:?}");
                assert_eq!(not_continued(&refused, 7), continued, "{refused:?}");
            }
        }
    }

    /// Caught: a member refused the second attempt, and the first, whose answer was late, began a task that nobody knew.
    #[test]
    fn a_task_is_canceled_whenever_an_attempt_may_have_submitted_it_and_only_then() {
        let refused = |code, ecumene: &str, earlier_in_doubt| Unanswered::Refused {
            code,
            ecumene: ecumene.to_owned(),
            earlier_in_doubt,
        };
        let away = |in_doubt| Unanswered::Away { code: Code::Unavailable, in_doubt };
        for (error, runs, told) in [
            (refused(Code::ResourceExhausted, "overloaded", true), true, Failure::RegistryAway),
            (refused(Code::NotFound, "not-found", true), true, Failure::RegistryAway),
            (refused(Code::Unauthenticated, "token-spent", true), false, Failure::Replayed),
            (refused(Code::ResourceExhausted, "overloaded", false), false, Failure::Overloaded),
            (away(true), true, Failure::RegistryAway),
            (away(false), false, Failure::RegistryAway),
        ] {
            assert_eq!((may_run(&error), not_submitted(&error, 7)), (runs, told), "{error:?}");
        }
    }
}
