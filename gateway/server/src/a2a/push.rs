//! Where the changes of a task are pushed: set, shown and deleted by its owner; and what is pushed of one.
//!
//! Must never tell of a task of another owner, or of another agent than the call names, nor show the credentials of a receiver.
//! Which receivers may be called is decided before, and again when they are.

use gateway_core::form::{Answer, Form};
use gateway_core::params::fault;
use gateway_core::params::push::{Push, PushAction, shown};
use gateway_core::{CallError, Caller, Failure};
use proto_types::a2a::{ListTaskPushNotificationConfigsResponse, ProtocolVersion, StreamResponse};
use proto_types::{Handle, PushConfig, TaskId};
use proto_wire::registry::v1 as wire;
use serde_json::Value;
use tonic::Code;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::push;
use crate::registry::Unanswered;

use super::read::NO_PUSH;
use super::task::{of_task, view};

pub(super) async fn answer(
    (gateway, caller): (&Gateway, &Caller),
    agent: Option<&Agent>,
    asked: &Push,
) -> Result<Answer, Failure> {
    let not_found = || Failure::Call(CallError::TaskNotFound);
    let id = asked.task.as_ref().ok_or_else(not_found)?;
    let configs = configs((gateway, caller), agent, id).await?;
    let of = |config: &PushConfig| Answer::PushConfig(shown(id, config));
    match &asked.asked {
        PushAction::Create(config) => {
            put((gateway, caller), id, config).await?;
            Ok(of(config))
        }
        PushAction::Get(named) => {
            let is_meant = |config: &&PushConfig| {
                named.as_ref().is_none_or(|named| config.id.as_str() == named)
            };
            // What A2A has for it (1.0, section 3.1.8).
            configs.iter().find(is_meant).map(of).ok_or_else(not_found)
        }
        PushAction::List => Ok(page(id, &configs)),
        PushAction::Delete(named) => {
            if configs.iter().any(|config| config.id.as_str() == named) {
                delete((gateway, caller), id, named).await?;
            }
            Ok(Answer::Done)
        }
    }
}

/// All of them: a task has few.
fn page(id: &TaskId, configs: &[PushConfig]) -> Answer {
    let configs = configs.iter().map(|config| shown(id, config)).collect();
    let next_page_token = String::new();
    Answer::PushConfigs(ListTaskPushNotificationConfigsResponse { configs, next_page_token })
}

/// Where the changes of the caller's task are pushed; another's is not found, and neither is one of another agent.
async fn configs(
    (gateway, caller): (&Gateway, &Caller),
    agent: Option<&Agent>,
    id: &TaskId,
) -> Result<Vec<PushConfig>, Failure> {
    let message = wire::ListPushConfigsRequest {
        task: id.as_str().to_owned(),
        owner: caller.as_str().to_owned(),
        consistency: wire::Consistency::Strong.into(),
    };
    let listed = gateway.registry.push_configs(message).await.map_err(|error| of_task(&error))?;
    if agent.is_some_and(|agent| agent.handle.as_str() != listed.agent) {
        return Err(Failure::Call(CallError::TaskNotFound));
    }
    let runs = Handle::parse(&listed.agent).map_err(|_| Failure::Internal)?;
    if !gateway.cache.agents.load().pushes(&runs) {
        return Err(Failure::Call(NO_PUSH));
    }
    listed.configs.iter().map(|config| push::read(config).ok_or(Failure::Internal)).collect()
}

async fn put(
    (gateway, caller): (&Gateway, &Caller),
    id: &TaskId,
    config: &PushConfig,
) -> Result<(), Failure> {
    let (task, owner) = (id.as_str().to_owned(), caller.as_str().to_owned());
    let config = Some(push::written(config));
    let message = wire::PutPushConfigRequest { task, owner, config };
    let put = gateway.registry.put_push_config(message).await;
    put.map(drop).map_err(|error| not_put(&error))
}

async fn delete(
    (gateway, caller): (&Gateway, &Caller),
    id: &TaskId,
    named: &str,
) -> Result<(), Failure> {
    let (task, owner, id) = (id.as_str().to_owned(), caller.as_str().to_owned(), named.to_owned());
    let message = wire::DeletePushConfigRequest { task, owner, id };
    let deleted = gateway.registry.delete_push_config(message).await;
    deleted.map(drop).map_err(|error| of_task(&error))
}

/// All of it was read before: there is one more than a task has.
fn not_put(error: &Unanswered) -> Failure {
    match error {
        Unanswered::Refused { code: Code::InvalidArgument, .. } => {
            let faults = vec![fault("/id", "one of 8 configurations of the task")];
            Failure::Call(CallError::Params(faults))
        }
        error => of_task(error),
    }
}

/// What is pushed of a task that has asked, or ended, after so many turns: in 1.0 what a stream tells of it, in 0.3 the task
/// without its history (0.3, section 9.5). What has become of the task since is told as it is.
pub(crate) fn payload(
    task: &wire::Task,
    turn: u32,
    version: ProtocolVersion,
) -> Result<Value, Failure> {
    let now = view(task)?;
    let then = usize::try_from(turn).ok().and_then(|turn| now.at_end_of(turn));
    let told = then.unwrap_or(now);
    Ok(match version {
        ProtocolVersion::V10 => {
            let message = told.message().map(StreamResponse::Message);
            Form::V10.event(&message.unwrap_or_else(|| told.status_update()))
        }
        ProtocolVersion::V03 => Form::V03JsonRpc.event(&StreamResponse::Task(told.task(Some(0)))),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(id: &str, role: &str) -> Value {
        json!({"messageId": id, "role": role, "parts": [{"text": id}]})
    }

    fn task(state: &str, turns: Vec<wire::Turn>) -> wire::Task {
        let outcome = json!({
            "artifacts": [{"artifactId": "a1", "parts": [{"text": "x"}]}],
            "message": said("done", "ROLE_AGENT"),
        });
        wire::Task {
            id: "t1".to_owned(),
            context: "c1".to_owned(),
            state: state.to_owned(),
            input: said("m1", "ROLE_USER").to_string().into(),
            outcome: outcome.to_string().into(),
            turns,
            ..wire::Task::default()
        }
    }

    #[test]
    fn a_status_is_pushed_in_1_0_and_a_task_without_history_in_0_3() {
        let task = task("completed", Vec::new());
        let newer = payload(&task, 0, ProtocolVersion::V10).unwrap();
        let update = &newer["statusUpdate"];
        assert_eq!((&update["taskId"], &update["contextId"]), (&json!("t1"), &json!("c1")));
        assert_eq!(update["status"]["state"], "TASK_STATE_COMPLETED");
        assert_eq!(update["status"]["message"]["parts"][0]["text"], "done");
        let older = payload(&task, 0, ProtocolVersion::V03).unwrap();
        assert_eq!(
            (&older["kind"], &older["status"]["state"]),
            (&json!("task"), &json!("completed"))
        );
        assert_eq!(older["artifacts"][0]["artifactId"], "a1");
        assert_eq!(older.get("history"), None);
    }

    #[test]
    fn a_question_is_pushed_as_it_was_asked_also_when_it_is_answered_by_then() {
        let question = json!({"message": said("what?", "ROLE_AGENT")});
        let turn = wire::Turn {
            input: said("m0", "ROLE_USER").to_string().into(),
            outcome: question.to_string().into(),
        };
        let task = task("completed", vec![turn]);
        for (turn, state, text) in
            [(0, "TASK_STATE_INPUT_REQUIRED", "what?"), (1, "TASK_STATE_COMPLETED", "done")]
        {
            let pushed = payload(&task, turn, ProtocolVersion::V10).unwrap();
            let status = &pushed["statusUpdate"]["status"];
            assert_eq!(
                (&status["state"], &status["message"]["messageId"]),
                (&json!(state), &json!(text))
            );
        }
    }

    #[test]
    fn only_one_configuration_too_many_is_the_callers_fault() {
        let refused = |code| {
            let (ecumene, earlier_in_doubt) = ("code".to_owned(), false);
            not_put(&Unanswered::Refused { code, ecumene, earlier_in_doubt })
        };
        let Failure::Call(CallError::Params(faults)) = refused(Code::InvalidArgument) else {
            panic!("the parameters are wrong")
        };
        assert_eq!(faults[0].field(), "id");
        assert_eq!(refused(Code::NotFound), Failure::Call(CallError::TaskNotFound));
        assert_eq!(refused(Code::PermissionDenied), Failure::Internal);
    }
}
