//! The JSON of a call, of its answer and of the events of its stream, in each version and binding.
//!
//! Decides which reader and which printer of `proto_types::a2a` a call has. Must never decide what a call asks for or what an
//! answer says: behind it there are the types of A2A 1.0 alone.

use proto_types::a2a::{
    CancelTaskRequest, GetExtendedAgentCardRequest, GetTaskRequest,
    ListTaskPushNotificationConfigsRequest, ListTaskPushNotificationConfigsResponse,
    ListTasksResponse, NamedPushConfigRequest, SchemaError, SendMessageRequest,
    SendMessageResponse, StreamResponse, SubscribeToTaskRequest, Task, TaskPushNotificationConfig,
    v03,
};
use proto_types::card::{to_v03, to_v03_rest};
use serde_json::{Map, Value};

/// In which form a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A2A 1.0, in every binding.
    V10,
    /// A2A 0.3 over JSON-RPC.
    V03JsonRpc,
    /// A2A 0.3 over HTTP+JSON.
    V03HttpJson,
}

/// What a call that has no stream is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To a message.
    Message(SendMessageResponse),
    /// A task as it is.
    Task(Task),
    /// A page of tasks.
    Tasks(ListTasksResponse),
    /// A card of 1.0.
    Card(Value),
    /// A push configuration.
    PushConfig(TaskPushNotificationConfig),
    /// All push configurations of a task.
    PushConfigs(ListTaskPushNotificationConfigsResponse),
    /// Nothing: what was asked for is done.
    Done,
}

/// What is wrong with the parameters.
type Faults = Vec<SchemaError>;

impl Form {
    /// The parameters of SendMessage and SendStreamingMessage.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn send_message(self, params: &Value) -> Result<SendMessageRequest, Faults> {
        match self {
            Self::V10 => SendMessageRequest::from_value(params),
            Self::V03JsonRpc => v03::read_send_message(params),
            Self::V03HttpJson => v03::rest::read_send_message(params),
        }
    }

    /// The parameters of GetTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn get_task(self, params: &Value) -> Result<GetTaskRequest, Faults> {
        match self {
            Self::V10 => GetTaskRequest::from_value(params),
            Self::V03JsonRpc | Self::V03HttpJson => v03::read_get_task(params),
        }
    }

    /// The parameters of CancelTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn cancel_task(self, params: &Value) -> Result<CancelTaskRequest, Faults> {
        match self {
            Self::V10 => CancelTaskRequest::from_value(params),
            Self::V03JsonRpc | Self::V03HttpJson => v03::read_cancel_task(params),
        }
    }

    /// The parameters of SubscribeToTask.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn subscribe_to_task(self, params: &Value) -> Result<SubscribeToTaskRequest, Faults> {
        match self {
            Self::V10 => SubscribeToTaskRequest::from_value(params),
            Self::V03JsonRpc | Self::V03HttpJson => v03::read_subscribe_to_task(params),
        }
    }

    /// The parameters of CreateTaskPushNotificationConfig.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn create_push_config(self, params: &Value) -> Result<TaskPushNotificationConfig, Faults> {
        match self {
            Self::V10 => TaskPushNotificationConfig::from_value(params),
            Self::V03JsonRpc => v03::read_set_push_config(params),
            Self::V03HttpJson => v03::rest::read_set_push_config(params),
        }
    }

    /// The parameters of GetTaskPushNotificationConfig and DeleteTaskPushNotificationConfig.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn named_push_config(self, params: &Value) -> Result<NamedPushConfigRequest, Faults> {
        match self {
            Self::V10 => NamedPushConfigRequest::from_value(params),
            Self::V03JsonRpc | Self::V03HttpJson => v03::read_named_push_config(params),
        }
    }

    /// The parameters of ListTaskPushNotificationConfigs.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn list_push_configs(
        self,
        params: &Value,
    ) -> Result<ListTaskPushNotificationConfigsRequest, Faults> {
        match self {
            Self::V10 => ListTaskPushNotificationConfigsRequest::from_value(params),
            Self::V03JsonRpc | Self::V03HttpJson => v03::read_list_push_configs(params),
        }
    }

    /// The parameters of GetExtendedAgentCard: none in 0.3.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn get_card(self, params: &Value) -> Result<GetExtendedAgentCardRequest, Faults> {
        match self {
            Self::V10 => GetExtendedAgentCardRequest::from_value(params),
            Self::V03JsonRpc | Self::V03HttpJson => Ok(GetExtendedAgentCardRequest::default()),
        }
    }

    /// An answer.
    #[must_use]
    pub fn answer(self, answer: &Answer) -> Value {
        match self {
            Self::V10 => answer_v10(answer),
            Self::V03JsonRpc => answer_v03_json_rpc(answer),
            Self::V03HttpJson => answer_v03_http_json(answer),
        }
    }

    /// An event of a stream.
    #[must_use]
    pub fn event(self, event: &StreamResponse) -> Value {
        match self {
            Self::V10 => serde_json::to_value(event).expect(STRING_KEYS),
            Self::V03JsonRpc => v03::print_stream_response(event),
            Self::V03HttpJson => v03::rest::print_stream_response(event),
        }
    }
}

fn answer_v10(answer: &Answer) -> Value {
    let printed = match answer {
        Answer::Message(response) => serde_json::to_value(response),
        Answer::Task(task) => serde_json::to_value(task),
        Answer::Tasks(page) => serde_json::to_value(page),
        Answer::Card(card) => Ok(card.clone()),
        Answer::PushConfig(config) => serde_json::to_value(config),
        Answer::PushConfigs(page) => serde_json::to_value(page),
        Answer::Done => Ok(Value::Object(Map::new())),
    };
    printed.expect(STRING_KEYS)
}

fn answer_v03_json_rpc(answer: &Answer) -> Value {
    match answer {
        Answer::Message(response) => v03::print_send_message_response(response),
        Answer::Task(task) => v03::print_task(task),
        // No caller of 0.3 gets one.
        Answer::Tasks(_) => answer_v10(answer),
        Answer::Card(card) => to_v03(card),
        Answer::PushConfig(config) => v03::print_push_config(config),
        Answer::PushConfigs(page) => v03::print_push_configs(&page.configs),
        // `null` is a result there; the other forms answer with an empty message.
        Answer::Done => Value::Null,
    }
}

fn answer_v03_http_json(answer: &Answer) -> Value {
    match answer {
        Answer::Message(response) => v03::rest::print_send_message_response(response),
        Answer::Task(task) => v03::rest::print_task(task),
        // Neither differs from 1.0; no caller of 0.3 gets a page of tasks.
        Answer::Tasks(_) | Answer::Done => answer_v10(answer),
        Answer::Card(card) => to_v03_rest(card),
        Answer::PushConfig(config) => v03::rest::print_push_config(config),
        Answer::PushConfigs(page) => v03::rest::print_push_configs(&page.configs),
    }
}

/// Why printing never fails.
const STRING_KEYS: &str = "the types of A2A have string keys only";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::WallMs;
    use proto_types::a2a::{Part, Role, TaskState, TaskStatus};
    use serde_json::json;

    use super::*;

    fn said(form: Form) -> Value {
        match form {
            Form::V10 => {
                json!({"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}})
            }
            Form::V03JsonRpc => json!({"message": {
                "kind": "message", "messageId": "m1", "role": "user",
                "parts": [{"kind": "text", "text": "hi"}],
            }}),
            Form::V03HttpJson => json!({"request": {
                "message_id": "m1", "role": "ROLE_USER", "content": [{"text": "hi"}],
            }}),
        }
    }

    #[test]
    fn a_message_is_the_same_in_every_form() {
        for form in [Form::V10, Form::V03JsonRpc, Form::V03HttpJson] {
            let message = form.send_message(&said(form)).unwrap().message;
            assert_eq!(
                (message.message_id.as_str(), message.role, &message.parts[..]),
                ("m1", Role::User, &[Part::text("hi")][..]),
                "{form:?}"
            );
        }
    }

    #[test]
    fn a_task_is_shown_in_the_words_of_its_form() {
        let task = Task {
            id: "t1".to_owned(),
            context_id: Some("c1".to_owned()),
            status: TaskStatus::new(TaskState::InputRequired, WallMs(0)),
            artifacts: Vec::new(),
            history: Vec::new(),
            metadata: None,
        };
        for (form, state, kind) in [
            (Form::V10, "TASK_STATE_INPUT_REQUIRED", None),
            (Form::V03JsonRpc, "input-required", Some(&json!("task"))),
            (Form::V03HttpJson, "TASK_STATE_INPUT_REQUIRED", None),
        ] {
            let shown = form.answer(&Answer::Task(task.clone()));
            assert_eq!((&shown["status"]["state"], shown.get("kind")), (&json!(state), kind));
            assert_eq!(shown["id"], "t1", "{form:?}");
        }
        let event = StreamResponse::Task(task);
        assert_eq!(Form::V10.event(&event)["task"]["id"], "t1");
        assert_eq!(Form::V03JsonRpc.event(&event)["id"], "t1");
        assert_eq!(Form::V03HttpJson.event(&event)["task"]["id"], "t1");
    }

    #[test]
    fn what_a_path_names_is_read_alike_in_both_versions() {
        let params = json!({"id": "t1", "historyLength": "2"});
        for form in [Form::V10, Form::V03HttpJson] {
            assert_eq!(form.get_task(&params).unwrap().history_length, Some(2));
            assert_eq!(form.cancel_task(&params).unwrap().id, "t1");
            assert_eq!(form.subscribe_to_task(&params).unwrap().id, "t1");
        }
    }

    /// Caught: over HTTP+JSON of 0.3, CancelTask and SubscribeToTask went to the tenant.
    #[test]
    fn a_tenant_is_read_in_1_0_alone() {
        let params = json!({"id": "t1", "tenant": "echo"});
        for (form, tenant) in
            [(Form::V10, Some("echo")), (Form::V03JsonRpc, None), (Form::V03HttpJson, None)]
        {
            let mut message = said(form);
            message["tenant"] = json!("echo");
            let tenants = [
                form.send_message(&message).unwrap().tenant,
                form.get_task(&params).unwrap().tenant,
                form.cancel_task(&params).unwrap().tenant,
                form.subscribe_to_task(&params).unwrap().tenant,
                form.get_card(&params).unwrap().tenant,
            ];
            assert_eq!(tenants.each_ref().map(Option::as_deref), [tenant; 5], "{form:?}");
        }
    }
}
