//! A2A 1.0 in JSON: messages, tasks, events, requests, JSON-RPC and the errors; and 0.3 in terms of it (`v03`).
//!
//! Decides what is well formed after `a2a.proto` (package `lf.a2a.v1`, which is normative) in its
//! ProtoJSON form: camelCase out, both casings in, `null` and unknown members passed over. Must
//! never decide what an operation does.

pub mod error;
pub mod event;
pub mod list;
pub mod message;
pub mod method;
mod proto_json;
pub mod push;
pub mod query;
pub mod request;
pub mod rpc;
pub mod task;
pub mod v03;

pub use self::error::A2aError;
pub use self::event::{
    SendMessageResponse, StreamResponse, TaskArtifactUpdateEvent, TaskStatusUpdateEvent,
};
pub use self::list::{ListTasksRequest, ListTasksResponse};
pub use self::message::{Content, Message, Part, Role};
pub use self::method::{Method, ProtocolVersion};
pub use self::proto_json::ID_CHARS_MAX;
pub use self::push::{
    ListTaskPushNotificationConfigsRequest, ListTaskPushNotificationConfigsResponse,
    NamedPushConfigRequest,
};
pub use self::request::{
    AuthenticationInfo, CancelTaskRequest, GetExtendedAgentCardRequest, GetTaskRequest,
    SendMessageConfiguration, SendMessageRequest, SubscribeToTaskRequest,
    TaskPushNotificationConfig,
};
pub use self::task::{Artifact, Task, TaskState, TaskStatus};
pub use crate::schema::{Invalid, SchemaError};

/// Free-form members, `google.protobuf.Struct`.
pub type Struct = serde_json::Map<String, serde_json::Value>;

#[cfg(test)]
mod tests;
