//! What a client asks for.
//!
//! Decides what each request must say. Must never fill in what was not said, save the defaults that
//! the specification names.

use serde::Serialize;

use super::message::read_message;
use super::proto_json::{
    count, id, implicit, implicit_id, is_false, metadata, print_timestamp, proto_json, texts,
    timestamp,
};
use super::task::{read_state, read_task};
use super::{Message, Struct, Task, TaskState};
use crate::schema::{Object, Problem, Spot};
use crate::time::WallMs;

/// Tasks on a page where the request does not say.
pub const PAGE_SIZE_DEFAULT: u32 = 50;

/// Tasks on a page at most; more is invalid (`-32602`, HTTP 400).
pub const PAGE_SIZE_MAX: u32 = 100;

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

/// `ListTasks`. Each member narrows the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTasksRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Of this conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// In this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskState>,
    /// 1 to [`PAGE_SIZE_MAX`]; [`PAGE_SIZE_DEFAULT`] where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// From the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
    /// How many of the newest messages to give back; `None` is all, 0 is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_length: Option<u32>,
    /// With a status of this time or later.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "print_timestamp")]
    pub status_timestamp_after: Option<WallMs>,
    /// With what they have made; otherwise the member is absent.
    #[serde(skip_serializing_if = "is_false")]
    pub include_artifacts: bool,
}

/// One page of `ListTasks`. All four members are always printed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTasksResponse {
    /// The newest status first.
    pub tasks: Vec<Task>,
    /// Empty on the last page.
    pub next_page_token: String,
    /// The size that was used.
    pub page_size: u32,
    /// Of all pages.
    pub total_size: u32,
}

proto_json! {
    SendMessageRequest: read_send_message;
    SendMessageConfiguration: read_configuration;
    TaskPushNotificationConfig: read_push_config;
    GetTaskRequest: read_get_task;
    CancelTaskRequest: read_cancel_task;
    SubscribeToTaskRequest: read_subscribe;
    ListTasksRequest: read_list_tasks;
    ListTasksResponse: read_tasks;
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

fn history_length(object: &Object<'_, '_>) -> Option<Option<u32>> {
    object.optional("historyLength", |spot| count(spot, 0))
}

fn read_push_config(spot: Spot<'_, '_>) -> Option<TaskPushNotificationConfig> {
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

fn read_list_tasks(spot: Spot<'_, '_>) -> Option<ListTasksRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let context_id = implicit_id(&request, "contextId");
    let status = request.optional("status", read_state);
    let page_size = request.optional("pageSize", |spot| {
        let size = count(spot, 1)?;
        let max = i64::from(PAGE_SIZE_MAX);
        if size <= PAGE_SIZE_MAX { Some(size) } else { spot.fault(Problem::Range { min: 1, max }) }
    });
    let page_token = implicit(&request, "pageToken");
    let history_length = history_length(&request);
    let after = request.optional("statusTimestampAfter", timestamp);
    let include_artifacts = request.or_default("includeArtifacts", Spot::boolean);
    Some(ListTasksRequest {
        tenant: tenant?,
        context_id: context_id?,
        status: status?,
        page_size: page_size?,
        page_token: page_token?,
        history_length: history_length?,
        status_timestamp_after: after?,
        include_artifacts: include_artifacts?,
    })
}

fn read_tasks(spot: Spot<'_, '_>) -> Option<ListTasksResponse> {
    let page = spot.object()?;
    let tasks = page.or_default("tasks", |spot| spot.list((0, usize::MAX), read_task));
    let next_page_token = implicit(&page, "nextPageToken");
    let page_size = page.or_default("pageSize", |spot| count(spot, 0));
    let total_size = page.or_default("totalSize", |spot| count(spot, 0));
    Some(ListTasksResponse {
        tasks: tasks?,
        next_page_token: next_page_token?.unwrap_or_default(),
        page_size: page_size?,
        total_size: total_size?,
    })
}
