//! What an A2A call asks for: its parameters, read into what the gateway acts on.
//!
//! Decides what the gateway demands beyond the form of a request (`form.rs`): who speaks,
//! and ids that a task or context of ours can have. Must never hand on a context or task inside the
//! message: the gateway names both.

pub mod push;

use proto_types::a2a::{
    CancelTaskRequest, GetTaskRequest, ListTasksRequest, Message, Role, SchemaError,
    SendMessageRequest, SubscribeToTaskRequest, TaskState,
};
use proto_types::schema::Problem;
use proto_types::{ContextId, Handle, PushConfig, TaskId, WallMs};
use serde_json::Value;

use crate::form::Form;

/// What is wrong with the parameters: all of it, with places.
pub type Faults = Vec<SchemaError>;

/// The parameters of SendMessage and SendStreamingMessage.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// Which agent, where one endpoint serves several.
    pub tenant: Option<Handle>,
    /// The message, without context and task.
    pub message: Message,
    /// The conversation it continues.
    pub context: Option<ContextId>,
    /// The task it continues. `Some(None)` names one that no task of ours can be.
    pub task: Option<Option<TaskId>>,
    /// Answer with the task as it is instead of waiting for its end.
    pub return_immediately: bool,
    /// How many messages of the history the answer holds; all if absent.
    pub history_length: Option<u32>,
    /// Where the caller wants the changes of the task to be pushed to.
    pub push: Option<PushConfig>,
}

/// The parameters of GetTask, CancelTask and SubscribeToTask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which agent.
    pub tenant: Option<Handle>,
    /// Which task; `None` if the name is none that a task of ours can have.
    pub task: Option<TaskId>,
    /// How many messages of the history the answer holds; all if absent.
    pub history_length: Option<u32>,
}

/// The parameters of ListTasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Whose tasks, where one endpoint serves several agents.
    pub tenant: Option<Handle>,
    /// Of which conversation. `Some(None)` names one that no task of ours can be in.
    pub context: Option<Option<ContextId>>,
    /// In which state.
    pub state: Option<TaskState>,
    /// Changed at this time or later.
    pub changed_since: Option<WallMs>,
    /// How many at most.
    pub page_size: u32,
    /// What the page before named as its next.
    pub page_token: Option<String>,
    /// How many messages of its history each task has; all if absent.
    pub history_length: Option<u32>,
    /// Whether the tasks come with their artifacts.
    pub include_artifacts: bool,
}

/// One fault.
#[must_use]
pub fn fault(path: &str, must_be: &'static str) -> SchemaError {
    SchemaError { path: path.to_owned(), problem: Problem::Value(must_be) }
}

impl Send {
    /// Reads `params`.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse(form: Form, params: &Value) -> Result<Self, Faults> {
        let SendMessageRequest { tenant, mut message, configuration, metadata: _ } =
            form.send_message(params)?;
        let mut faults = Faults::new();
        if message.role != Role::User {
            faults.push(fault("/message/role", "that of a user"));
        }
        let context = message.context_id.take().map(|id| ContextId::parse(&id));
        if matches!(context, Some(Err(_))) {
            faults.push(fault("/message/contextId", "at most 128 visible ASCII characters"));
        }
        let tenant = read_tenant(tenant.as_deref(), &mut faults);
        let configuration = configuration.unwrap_or_default();
        let wanted = configuration.task_push_notification_config;
        let push = wanted
            .and_then(|wanted| push::read((form, push::in_message(form)), wanted, &mut faults));
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            tenant,
            context: context.and_then(Result::ok),
            task: message.task_id.take().map(|id| TaskId::parse(&id).ok()),
            message,
            return_immediately: configuration.return_immediately,
            history_length: configuration.history_length,
            push,
        })
    }
}

impl Named {
    /// Reads the `params` of GetTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse_get(form: Form, params: &Value) -> Result<Self, Faults> {
        let GetTaskRequest { tenant, id, history_length } = form.get_task(params)?;
        Self::read(tenant.as_deref(), &id, history_length)
    }

    /// Reads the `params` of CancelTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse_cancel(form: Form, params: &Value) -> Result<Self, Faults> {
        let CancelTaskRequest { tenant, id, metadata: _ } = form.cancel_task(params)?;
        Self::read(tenant.as_deref(), &id, None)
    }

    /// Reads the `params` of SubscribeToTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse_subscribe(form: Form, params: &Value) -> Result<Self, Faults> {
        let SubscribeToTaskRequest { tenant, id } = form.subscribe_to_task(params)?;
        Self::read(tenant.as_deref(), &id, None)
    }

    fn read(tenant: Option<&str>, id: &str, history_length: Option<u32>) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let tenant = read_tenant(tenant, &mut faults);
        let task = TaskId::parse(id).ok();
        if faults.is_empty() { Ok(Self { tenant, task, history_length }) } else { Err(faults) }
    }
}

impl List {
    /// Reads `params`.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse(params: &Value) -> Result<Self, Faults> {
        let request = ListTasksRequest::from_value(params)?;
        let mut faults = Faults::new();
        let tenant = read_tenant(request.tenant.as_deref(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            tenant,
            context: request.context_id.map(|id| ContextId::parse(&id).ok()),
            state: request.status,
            changed_since: request.status_timestamp_after,
            page_size: request.page_size,
            page_token: request.page_token,
            history_length: request.history_length,
            include_artifacts: request.include_artifacts,
        })
    }
}

/// The tenant in the `params` of GetExtendedAgentCard.
///
/// # Errors
/// Every fault found, with its place.
pub fn card_tenant(form: Form, params: &Value) -> Result<Option<Handle>, Faults> {
    let mut faults = Faults::new();
    let tenant = read_tenant(form.get_card(params)?.tenant.as_deref(), &mut faults);
    if faults.is_empty() { Ok(tenant) } else { Err(faults) }
}

fn read_tenant(tenant: Option<&str>, faults: &mut Faults) -> Option<Handle> {
    let handle = Handle::parse(tenant?).ok();
    if handle.is_none() {
        faults.push(fault("/tenant", "the handle of an agent"));
    }
    handle
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_message(change: impl FnOnce(&mut Value)) -> Value {
        let mut params = json!({"message": {
            "messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}],
        }});
        change(&mut params["message"]);
        params
    }

    #[test]
    fn a_message_is_read_without_its_context_and_task() {
        let params = json!({
            "tenant": "echo",
            "message": {
                "message_id": "m1", "role": "ROLE_USER", "context_id": "c1", "task_id": "t1",
                "parts": [{"text": "hello"}],
            },
            "configuration": {"history_length": 3, "return_immediately": true},
        });
        let send = Send::parse(Form::V10, &params).unwrap();
        let message = json!({"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]});
        assert_eq!(serde_json::to_value(&send.message).unwrap(), message);
        assert_eq!(
            (send.context, send.task),
            (ContextId::parse("c1").ok(), Some(TaskId::parse("t1").ok()))
        );
        assert_eq!((send.history_length, send.return_immediately), (Some(3), true));
        assert_eq!(send.push, None);
        let push = json!({"taskPushNotificationConfig": {"url": "https://a.example"}});
        let mut params = with_message(|_| ());
        params["configuration"] = push;
        let push = Send::parse(Form::V10, &params).unwrap().push.unwrap();
        assert_eq!(push.url.as_str(), "https://a.example");
        params["configuration"]["taskPushNotificationConfig"]["url"] = json!("mailto:a@b.example");
        let faults = Send::parse(Form::V10, &params).unwrap_err();
        assert_eq!(faults[0].field(), "configuration.taskPushNotificationConfig.url");
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        for (params, expected) in [
            (json!([]), ""),
            (json!({}), "message"),
            (with_message(|m| m["messageId"] = json!(1)), "message.messageId"),
            (with_message(|m| m["role"] = json!("ROLE_AGENT")), "message.role"),
            (with_message(|m| m["role"] = json!("user")), "message.role"),
            (with_message(|m| m["parts"] = json!([])), "message.parts"),
            (with_message(|m| m["parts"] = json!([{"text": "a"}, {}])), "message.parts[1]"),
            (with_message(|m| m["parts"][0] = json!({"raw": "?"})), "message.parts[0].raw"),
            (with_message(|m| m["contextId"] = json!("c d")), "message.contextId"),
            (with_message(|m| m["contextId"] = json!("c".repeat(129))), "message.contextId"),
            (with_message(|m| m["metadata"] = json!("x")), "message.metadata"),
            (json!({"tenant": "a b", "message": with_message(|_| ())["message"]}), "tenant"),
        ] {
            let faults = Send::parse(Form::V10, &params).unwrap_err();
            assert_eq!(faults[0].field(), expected, "{params}");
        }
    }

    #[test]
    fn a_task_is_named_by_its_id() {
        let named = Named::parse_get(Form::V10, &json!({"id": "t1", "history_length": 2})).unwrap();
        assert_eq!((named.task, named.history_length), (TaskId::parse("t1").ok(), Some(2)));
        // No task has such a name, but nothing is wrong with asking for it.
        assert_eq!(Named::parse_cancel(Form::V10, &json!({"id": "täsk"})).unwrap().task, None);
        for bad in [json!({}), json!({"id": ""}), json!({"id": 7}), json!(null), json!("t1")] {
            assert!(Named::parse_get(Form::V10, &bad).is_err(), "{bad}");
            assert!(Named::parse_cancel(Form::V10, &bad).is_err(), "{bad}");
            assert!(Named::parse_subscribe(Form::V10, &bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn a_list_asks_for_a_page_of_50_of_all_tasks_unless_it_says_more() {
        let all = List::parse(&json!({})).unwrap();
        assert_eq!((all.page_size, all.include_artifacts), (50, false));
        assert_eq!((all.context, all.state, all.changed_since), (None, None, None));
        let asked = List::parse(&json!({
            "tenant": "echo", "contextId": "c1", "status": "TASK_STATE_WORKING", "pageSize": "7",
            "statusTimestampAfter": "2026-03-20T12:00:00Z", "includeArtifacts": true,
        }));
        let asked = asked.unwrap();
        assert_eq!(asked.context, Some(ContextId::parse("c1").ok()));
        assert_eq!((asked.state, asked.page_size), (Some(TaskState::Working), 7));
        assert_eq!(asked.changed_since, Some(WallMs::from_secs(1_774_008_000)));
        assert!(asked.include_artifacts);
        // No task of ours is in such a conversation, but nothing is wrong with asking for it.
        assert_eq!(List::parse(&json!({"contextId": "c d"})).unwrap().context, Some(None));
        for (bad, place) in [
            (json!({"pageSize": 0}), "pageSize"),
            (json!({"pageSize": 101}), "pageSize"),
            (json!({"status": "working"}), "status"),
            (json!({"statusTimestampAfter": "noon"}), "statusTimestampAfter"),
            (json!({"tenant": "a b"}), "tenant"),
        ] {
            assert_eq!(List::parse(&bad).unwrap_err()[0].field(), place, "{bad}");
        }
    }

    #[test]
    fn a_card_is_asked_for_by_tenant_in_1_0_alone() {
        let (named, bad) = (json!({"tenant": "echo"}), json!({"tenant": "a b"}));
        assert_eq!(card_tenant(Form::V10, &named), Ok(Handle::parse("echo").ok()));
        assert_eq!(card_tenant(Form::V10, &bad).unwrap_err()[0].field(), "tenant");
        assert_eq!(card_tenant(Form::V03JsonRpc, &bad), Ok(None));
    }
}
