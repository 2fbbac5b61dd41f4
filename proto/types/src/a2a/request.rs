//! What a client asks for: messages, tasks, the extended card. Lists are in `list.rs`, push configs in `push.rs`.
//!
//! Decides what each request must say. Must never fill in what was not said.

use serde::Serialize;

use super::message::read_message;
use super::proto_json::{count, id, implicit, implicit_id, is_false, metadata, proto_json, texts};
use super::{Message, Struct};
use crate::schema::{Object, Spot};

/// `SendMessage` and `SendStreamingMessage`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendMessageRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What is said.
    pub message: Message,
    /// How the answer is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<SendMessageConfiguration>,
    /// Whatever the client adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

/// How the answer to a message is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SendMessageConfiguration {
    /// Media types that the client takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted_output_modes: Vec<String>,
    /// Where to push updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_push_notification_config: Option<TaskPushNotificationConfig>,
    /// How many of the newest messages to give back; `None` is all, 0 is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_length: Option<u32>,
    /// Do not wait for a terminal or interrupted state.
    #[serde(skip_serializing_if = "is_false")]
    pub return_immediately: bool,
}

/// Where to push a task's updates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskPushNotificationConfig {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its name within the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The task; absent while it is not made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Where. Whoever calls it guards against private addresses.
    pub url: String,
    /// Sent along, so that the receiver knows the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What the receiver asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationInfo>,
}

/// The `Authorization` header of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationInfo {
    /// `Bearer`, `Basic`, ...
    pub scheme: String,
    /// What follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

/// `GetTask`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetTaskRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub id: String,
    /// How many of the newest messages to give back; `None` is all, 0 is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_length: Option<u32>,
}

/// `CancelTask`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelTaskRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub id: String,
    /// Whatever the client adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
}

/// `SubscribeToTask`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscribeToTaskRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub id: String,
}

/// `GetExtendedAgentCard`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetExtendedAgentCardRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

proto_json! {
    SendMessageRequest: read_send_message;
    SendMessageConfiguration: read_configuration;
    TaskPushNotificationConfig: read_push_config;
    GetTaskRequest: read_get_task;
    CancelTaskRequest: read_cancel_task;
    SubscribeToTaskRequest: read_subscribe;
    GetExtendedAgentCardRequest: read_get_extended_card;
}

fn read_send_message(spot: Spot<'_, '_>) -> Option<SendMessageRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let message = request.required("message", read_message);
    let configuration = request.optional("configuration", read_configuration);
    let metadata = metadata(&request);
    Some(SendMessageRequest {
        tenant: tenant?,
        message: message?,
        configuration: configuration?,
        metadata: metadata?,
    })
}

fn read_configuration(spot: Spot<'_, '_>) -> Option<SendMessageConfiguration> {
    let configuration = spot.object()?;
    let modes = configuration.or_default("acceptedOutputModes", texts);
    let push = configuration.optional("taskPushNotificationConfig", read_push_config);
    let history_length = history_length(&configuration);
    let return_immediately = configuration.or_default("returnImmediately", Spot::boolean);
    Some(SendMessageConfiguration {
        accepted_output_modes: modes?,
        task_push_notification_config: push?,
        history_length: history_length?,
        return_immediately: return_immediately?,
    })
}

pub(super) fn history_length(object: &Object<'_, '_>) -> Option<Option<u32>> {
    object.optional("historyLength", count)
}

pub(super) fn read_push_config(spot: Spot<'_, '_>) -> Option<TaskPushNotificationConfig> {
    let config = spot.object()?;
    let tenant = implicit(&config, "tenant");
    let config_id = implicit_id(&config, "id");
    let task_id = implicit_id(&config, "taskId");
    let url = config.required("url", Spot::uri);
    let token = implicit(&config, "token");
    let authentication = config.optional("authentication", |spot| {
        let object = spot.object()?;
        let scheme = object.required("scheme", id);
        let credentials = implicit(&object, "credentials");
        Some(AuthenticationInfo { scheme: scheme?, credentials: credentials? })
    });
    Some(TaskPushNotificationConfig {
        tenant: tenant?,
        id: config_id?,
        task_id: task_id?,
        url: url?,
        token: token?,
        authentication: authentication?,
    })
}

fn read_get_task(spot: Spot<'_, '_>) -> Option<GetTaskRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("id", id);
    let history_length = history_length(&request);
    Some(GetTaskRequest { tenant: tenant?, id: task_id?, history_length: history_length? })
}

fn read_cancel_task(spot: Spot<'_, '_>) -> Option<CancelTaskRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("id", id);
    let metadata = metadata(&request);
    Some(CancelTaskRequest { tenant: tenant?, id: task_id?, metadata: metadata? })
}

fn read_subscribe(spot: Spot<'_, '_>) -> Option<SubscribeToTaskRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("id", id);
    Some(SubscribeToTaskRequest { tenant: tenant?, id: task_id? })
}

fn read_get_extended_card(spot: Spot<'_, '_>) -> Option<GetExtendedAgentCardRequest> {
    let tenant = implicit(&spot.object()?, "tenant");
    Some(GetExtendedAgentCardRequest { tenant: tenant? })
}
