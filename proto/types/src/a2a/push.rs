//! What a client asks for about the push configurations of a task, and the list of them.
//!
//! Decides what each request must say. Must never decide which URLs may be called.

use serde::Serialize;

use super::TaskPushNotificationConfig;
use super::proto_json::{ANY, count, id, implicit, proto_json, text};
use super::request::read_push_config;
use crate::schema::Spot;

/// `GetTaskPushNotificationConfig` and `DeleteTaskPushNotificationConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedPushConfigRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub task_id: String,
    /// Which of its configurations; 0.3 may leave it open where one is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// `ListTaskPushNotificationConfigs`. How many a page may have is not kept: a task has few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTaskPushNotificationConfigsRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task.
    pub task_id: String,
    /// `nextPageToken` of the page before; absent for the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// A page of configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTaskPushNotificationConfigsResponse {
    /// The configurations.
    pub configs: Vec<TaskPushNotificationConfig>,
    /// Names the next page; empty on the last one.
    pub next_page_token: String,
}

proto_json! {
    NamedPushConfigRequest: read_named;
    ListTaskPushNotificationConfigsRequest: read_list;
    ListTaskPushNotificationConfigsResponse: read_page;
}

fn read_named(spot: Spot<'_, '_>) -> Option<NamedPushConfigRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("taskId", id);
    let config = request.required("id", id);
    Some(NamedPushConfigRequest { tenant: tenant?, task_id: task_id?, id: Some(config?) })
}

fn read_list(spot: Spot<'_, '_>) -> Option<ListTaskPushNotificationConfigsRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let task_id = request.required("taskId", id);
    let page_size = request.optional("pageSize", count);
    let page_token = implicit(&request, "pageToken");
    page_size?;
    Some(ListTaskPushNotificationConfigsRequest {
        tenant: tenant?,
        task_id: task_id?,
        page_token: page_token?,
    })
}

fn read_page(spot: Spot<'_, '_>) -> Option<ListTaskPushNotificationConfigsResponse> {
    let page = spot.object()?;
    let configs = page.or_default("configs", |spot| spot.list((0, ANY), read_push_config));
    let next_page_token = page.or_default("nextPageToken", text);
    Some(ListTaskPushNotificationConfigsResponse {
        configs: configs?,
        next_page_token: next_page_token?,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_is_named_by_its_task_and_its_id_in_either_casing() {
        for value in [json!({"taskId": "t1", "id": "c1"}), json!({"task_id": "t1", "id": "c1"})] {
            let named = NamedPushConfigRequest::from_value(&value).unwrap();
            assert_eq!((named.task_id.as_str(), named.id.as_deref()), ("t1", Some("c1")));
        }
        for bad in [json!({"taskId": "t1"}), json!({"id": "c1"}), json!({"taskId": "", "id": "c"})]
        {
            assert!(NamedPushConfigRequest::from_value(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_names_its_task_and_a_page_is_printed_whole() {
        let list = json!({"task_id": "t1", "pageSize": "3"});
        let list = ListTaskPushNotificationConfigsRequest::from_value(&list).unwrap();
        assert_eq!((list.task_id.as_str(), list.page_token), ("t1", None));
        let bad = json!({"taskId": "t1", "pageSize": -1});
        assert!(ListTaskPushNotificationConfigsRequest::from_value(&bad).is_err());
        let printed = json!({"configs": [{"url": "https://a.example"}], "nextPageToken": ""});
        let page = ListTaskPushNotificationConfigsResponse::from_value(&printed).unwrap();
        assert_eq!(serde_json::to_value(page).unwrap(), printed);
    }
}
