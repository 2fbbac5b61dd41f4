//! A2A 0.3 in terms of 1.0: its JSON into the types of [`a2a`](super), and back.
//!
//! Decides what each member means in the other version. Must never make up what neither says, nor decide what an
//! operation does.
//!
//! Here is the form of `types.ts`, which JSON-RPC carries; [`rest`] has that of HTTP+JSON. Both are read in both
//! casings, with `null` and unknown members passed over, as 1.0 is: the Python SDK reads and prints both. Faults are
//! named with their places in 0.3.
//!
//! What is lost from 1.0 to 0.3, because 0.3 has no place for it:
//! - `tenant`;
//! - `mediaType` and `filename` of a part that is no file;
//! - that no history is wanted (`historyLength` 0): 0.3 means all by it, so that 1 is asked for.
//!
//! What is lost from 0.3 to 1.0:
//! - `metadata` of requests about a task, but for `tasks/cancel`: 1.0 has none there;
//! - each scheme of a push config but the first;
//! - `final`, which 1.0 leaves to the state. It is printed as true for every state that ends or interrupts a task.
//!
//! What is refused: the state `unknown`, and messages and artifacts without parts, which 1.0 cannot say.

mod event;
mod form;
mod members;
mod message;
mod push;
mod request;
pub mod rest;
mod task;

use serde_json::Value;

use self::form::Form;
pub use self::request::{print_cancel_task, print_get_task, print_subscribe_to_task};
use super::{
    CancelTaskRequest, GetTaskRequest, ListTaskPushNotificationConfigsRequest,
    NamedPushConfigRequest, SchemaError, SendMessageRequest, SendMessageResponse, StreamResponse,
    SubscribeToTaskRequest, Task, TaskPushNotificationConfig,
};
use crate::schema::{Dialect, read};

/// Gives each reader its public face.
macro_rules! readers {
    ($($(#[$meta:meta])* $name:ident: $reader:expr => $read:ty;)*) => {$(
        $(#[$meta])*
        ///
        /// # Errors
        /// All faults, with their places in 0.3.
        pub fn $name(value: &Value) -> Result<$read, Vec<SchemaError>> {
            read(value, Dialect::PROTO_JSON, $reader)
        }
    )*};
}

readers! {
    /// `MessageSendParams`: the parameters of `message/send` and `message/stream`.
    ///
    /// The call waits unless `blocking` is false.
    read_send_message: |spot| request::read_send_message(Form::JsonRpc, spot)
        => SendMessageRequest;
    /// `TaskQueryParams`: the parameters of `tasks/get`. A `historyLength` of 0 is all, so that it is absent in 1.0.
    read_get_task: request::read_get_task => GetTaskRequest;
    /// `TaskIdParams`: the parameters of `tasks/cancel`.
    read_cancel_task: request::read_cancel_task => CancelTaskRequest;
    /// `TaskIdParams`: the parameters of `tasks/resubscribe`.
    read_subscribe_to_task: request::read_subscribe => SubscribeToTaskRequest;
    /// `TaskPushNotificationConfig`: the parameters of `tasks/pushNotificationConfig/set`.
    read_set_push_config: |spot| push::read_set(Form::JsonRpc, spot) => TaskPushNotificationConfig;
    /// The parameters of `tasks/pushNotificationConfig/get` and `tasks/pushNotificationConfig/delete`.
    read_named_push_config: push::read_named => NamedPushConfigRequest;
    /// The parameters of `tasks/pushNotificationConfig/list`.
    read_list_push_configs: push::read_list => ListTaskPushNotificationConfigsRequest;
    /// `Task`: the result of `tasks/get` and `tasks/cancel`.
    read_task: |spot| task::read_task(Form::JsonRpc, spot) => Task;
    /// `Task` or `Message`: the result of `message/send`.
    read_send_message_response: |spot| event::read_send_message_response(Form::JsonRpc, spot)
        => SendMessageResponse;
    /// One event of a stream, or of a push notification.
    read_stream_response: |spot| event::read_stream_response(Form::JsonRpc, spot)
        => StreamResponse;
}

/// The parameters of `message/send` and `message/stream`. They always say whether the call waits.
#[must_use]
pub fn print_send_message(request: &SendMessageRequest) -> Value {
    request::print_send_message(Form::JsonRpc, request)
}

/// A task. One without a context has an empty one, because 0.3 requires it.
#[must_use]
pub fn print_task(task: &Task) -> Value {
    task::print_task(Form::JsonRpc, task)
}

/// The result of `tasks/pushNotificationConfig/set` and `tasks/pushNotificationConfig/get`.
#[must_use]
pub fn print_push_config(config: &TaskPushNotificationConfig) -> Value {
    push::print_config(Form::JsonRpc, config)
}

/// The result of `tasks/pushNotificationConfig/list`.
#[must_use]
pub fn print_push_configs(configs: &[TaskPushNotificationConfig]) -> Value {
    push::print_configs(Form::JsonRpc, configs)
}

/// The result of `message/send`.
#[must_use]
pub fn print_send_message_response(response: &SendMessageResponse) -> Value {
    event::print_send_message_response(Form::JsonRpc, response)
}

/// One event of a stream, or of a push notification.
#[must_use]
pub fn print_stream_response(response: &StreamResponse) -> Value {
    event::print_stream_response(Form::JsonRpc, response)
}

#[cfg(test)]
mod tests;
