//! What an A2A call asks for: its parameters, read into what the gateway acts on.
//!
//! Decides what the gateway demands beyond the form of a request (`proto_types::a2a`): who speaks,
//! and ids that a task or context of ours can have. Must never hand on a context or task inside the
//! message: the gateway names both.

use proto_types::a2a::{
    CancelTaskRequest, GetTaskRequest, Message, Role, SchemaError, SendMessageRequest,
    SubscribeToTaskRequest,
};
use proto_types::schema::Problem;
use proto_types::{ContextId, Handle, TaskId};
use serde_json::Value;

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
    /// Whether the caller wants to be notified by a call of ours.
    pub wants_push: bool,
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
    pub fn parse(params: &Value) -> Result<Self, Faults> {
        let SendMessageRequest { tenant, mut message, configuration, metadata: _ } =
            SendMessageRequest::from_value(params)?;
        let mut faults = Faults::new();
        if message.role != Role::User {
            faults.push(fault("/message/role", "ROLE_USER"));
        }
        let context = message.context_id.take().map(|id| ContextId::parse(&id));
        if matches!(context, Some(Err(_))) {
            faults.push(fault("/message/contextId", "at most 128 visible ASCII characters"));
        }
        let tenant = read_tenant(tenant.as_deref(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let configuration = configuration.unwrap_or_default();
        Ok(Self {
            tenant,
            context: context.and_then(Result::ok),
            task: message.task_id.take().map(|id| TaskId::parse(&id).ok()),
            message,
            return_immediately: configuration.return_immediately,
            history_length: configuration.history_length,
            wants_push: configuration.task_push_notification_config.is_some(),
        })
    }
}

impl Named {
    /// Reads the `params` of GetTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse_get(params: &Value) -> Result<Self, Faults> {
        let GetTaskRequest { tenant, id, history_length } = GetTaskRequest::from_value(params)?;
        Self::read(tenant.as_deref(), &id, history_length)
    }

    /// Reads the `params` of CancelTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse_cancel(params: &Value) -> Result<Self, Faults> {
        let CancelTaskRequest { tenant, id, metadata: _ } = CancelTaskRequest::from_value(params)?;
        Self::read(tenant.as_deref(), &id, None)
    }

    /// Reads the `params` of SubscribeToTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse_subscribe(params: &Value) -> Result<Self, Faults> {
        let SubscribeToTaskRequest { tenant, id } = SubscribeToTaskRequest::from_value(params)?;
        Self::read(tenant.as_deref(), &id, None)
    }

    fn read(tenant: Option<&str>, id: &str, history_length: Option<u32>) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let tenant = read_tenant(tenant, &mut faults);
        let task = TaskId::parse(id).ok();
        if faults.is_empty() { Ok(Self { tenant, task, history_length }) } else { Err(faults) }
    }
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
        let send = Send::parse(&params).unwrap();
        let message = json!({"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]});
        assert_eq!(serde_json::to_value(&send.message).unwrap(), message);
        assert_eq!(
            (send.context, send.task),
            (ContextId::parse("c1").ok(), Some(TaskId::parse("t1").ok()))
        );
        assert_eq!(
            (send.history_length, send.return_immediately, send.wants_push),
            (Some(3), true, false)
        );
        let push = json!({"taskPushNotificationConfig": {"url": "https://a.example"}});
        let mut params = with_message(|_| ());
        params["configuration"] = push;
        assert!(Send::parse(&params).unwrap().wants_push);
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
            let faults = Send::parse(&params).unwrap_err();
            assert_eq!(faults[0].field(), expected, "{params}");
        }
    }

    #[test]
    fn a_task_is_named_by_its_id() {
        let named = Named::parse_get(&json!({"id": "t1", "history_length": 2})).unwrap();
        assert_eq!((named.task, named.history_length), (TaskId::parse("t1").ok(), Some(2)));
        // No task has such a name, but nothing is wrong with asking for it.
        assert_eq!(Named::parse_cancel(&json!({"id": "täsk"})).unwrap().task, None);
        for bad in [json!({}), json!({"id": ""}), json!({"id": 7}), json!(null), json!("t1")] {
            assert!(Named::parse_get(&bad).is_err(), "{bad}");
            assert!(Named::parse_cancel(&bad).is_err(), "{bad}");
            assert!(Named::parse_subscribe(&bad).is_err(), "{bad}");
        }
    }
}
