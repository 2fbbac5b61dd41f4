//! What a client asks for about the push configs of a task, beside setting one.
//!
//! Decides what each request must say. Must never look for a config.

use serde::Serialize;

use super::proto_json::{count, id, implicit, proto_json};
use crate::schema::Spot;

/// `GetTaskPushNotificationConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetTaskPushNotificationConfigRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub task_id: String,
    /// The config. REQUIRED in 1.0; absent only in 0.3, where a task may be asked for the config that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// `DeleteTaskPushNotificationConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteTaskPushNotificationConfigRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub task_id: String,
    /// The config.
    pub id: String,
}

/// `ListTaskPushNotificationConfigs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTaskPushNotificationConfigsRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub task_id: String,
    /// How many configs at most; never 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `nextPageToken` of the page before; absent for the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

proto_json! {
    GetTaskPushNotificationConfigRequest: read_get;
    DeleteTaskPushNotificationConfigRequest: read_delete;
    ListTaskPushNotificationConfigsRequest: read_list;
}

fn read_get(spot: Spot<'_, '_>) -> Option<GetTaskPushNotificationConfigRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("taskId", id);
    let config_id = request.required("id", id);
    Some(GetTaskPushNotificationConfigRequest {
        tenant: tenant?,
        task_id: task_id?,
        id: Some(config_id?),
    })
}

fn read_delete(spot: Spot<'_, '_>) -> Option<DeleteTaskPushNotificationConfigRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("taskId", id);
    let config_id = request.required("id", id);
    Some(DeleteTaskPushNotificationConfigRequest {
        tenant: tenant?,
        task_id: task_id?,
        id: config_id?,
    })
}

fn read_list(spot: Spot<'_, '_>) -> Option<ListTaskPushNotificationConfigsRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("taskId", id);
    let page_size = request.optional("pageSize", count);
    let page_token = implicit(&request, "pageToken");
    Some(ListTaskPushNotificationConfigsRequest {
        tenant: tenant?,
        task_id: task_id?,
        // The field has no presence: 0 is how ProtoJSON encodes absence.
        page_size: page_size?.filter(|size| *size > 0),
        page_token: page_token?,
    })
}
