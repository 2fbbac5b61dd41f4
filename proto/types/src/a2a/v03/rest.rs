//! The HTTP+JSON form of A2A 0.3: the ProtoJSON of package `a2a.v1`, as servers and clients read and print it.
//!
//! Decides what stands in a body. Must never read a path: the task that it names is an argument. A query is read by
//! [`query`](crate::a2a::query), and then by [`read_get_task`](super::read_get_task).
//!
//! It loses what the JSON-RPC form loses, and the tasks that a message refers to: package `a2a.v1` has no field for
//! them. The bytes of a file are the file's. The Python SDK 1.3.0 puts the base64 of a file where its bytes belong, and
//! so encodes twice; which of the two a body means cannot be told, and we follow the proto.

use serde_json::Value;

use super::form::Form;
use super::{event, push, request, task};
use crate::a2a::{
    SchemaError, SendMessageRequest, SendMessageResponse, StreamResponse, Task,
    TaskPushNotificationConfig,
};
use crate::schema::{Dialect, read};

/// The body of `message:send` and `message:stream`.
///
/// A configuration that does not say `blocking` does not wait, because ProtoJSON leaves out what is false.
///
/// # Errors
/// All faults, with their places in the body.
pub fn read_send_message(body: &Value) -> Result<SendMessageRequest, Vec<SchemaError>> {
    read(body, Dialect::PROTO_JSON, |spot| request::read_send_message(Form::Rest, spot))
}

/// The same in print. It always says whether the call waits.
#[must_use]
pub fn print_send_message(request: &SendMessageRequest) -> Value {
    request::print_send_message(Form::Rest, request)
}

/// A task.
///
/// # Errors
/// All faults, with their places in 0.3.
pub fn read_task(value: &Value) -> Result<Task, Vec<SchemaError>> {
    read(value, Dialect::PROTO_JSON, |spot| task::read_task(Form::Rest, spot))
}

/// The answer to a message: `{task}` or `{message}`.
///
/// # Errors
/// All faults, with their places in 0.3.
pub fn read_send_message_response(value: &Value) -> Result<SendMessageResponse, Vec<SchemaError>> {
    read(value, Dialect::PROTO_JSON, |spot| event::read_send_message_response(Form::Rest, spot))
}

/// One event of a stream: `{task}`, `{message}`, `{statusUpdate}` or `{artifactUpdate}`.
///
/// # Errors
/// All faults, with their places in 0.3.
pub fn read_stream_response(value: &Value) -> Result<StreamResponse, Vec<SchemaError>> {
    read(value, Dialect::PROTO_JSON, |spot| event::read_stream_response(Form::Rest, spot))
}

/// The answer to a message, in print.
#[must_use]
pub fn print_send_message_response(response: &SendMessageResponse) -> Value {
    event::print_send_message_response(Form::Rest, response)
}

/// One event of a stream, in print.
#[must_use]
pub fn print_stream_response(response: &StreamResponse) -> Value {
    event::print_stream_response(Form::Rest, response)
}

/// A task, in print.
#[must_use]
pub fn print_task(task: &Task) -> Value {
    task::print_task(Form::Rest, task)
}

/// The body of `tasks/{id}/pushNotificationConfigs`, with the task of the path as `taskId`.
///
/// # Errors
/// All faults, with their places in the body.
pub fn read_set_push_config(body: &Value) -> Result<TaskPushNotificationConfig, Vec<SchemaError>> {
    read(body, Dialect::PROTO_JSON, |spot| push::read_set(Form::Rest, spot))
}

/// A push configuration, in print.
#[must_use]
pub fn print_push_config(config: &TaskPushNotificationConfig) -> Value {
    push::print_config(Form::Rest, config)
}

/// All push configurations of a task, in print.
#[must_use]
pub fn print_push_configs(configs: &[TaskPushNotificationConfig]) -> Value {
    push::print_configs(Form::Rest, configs)
}
