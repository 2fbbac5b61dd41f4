//! Lists and queries: what is read, what is refused and where, and what is always printed.

use serde_json::{Value, json};

use super::paths;
use crate::a2a::list::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use crate::a2a::{
    GetExtendedAgentCardRequest, GetTaskRequest, ListTasksRequest, ListTasksResponse,
    SendMessageRequest, TaskState, query,
};
use crate::time::WallMs;

fn query_of(pairs: &[(&str, &str)]) -> Value {
    Value::Object(query::members(pairs.iter().copied()))
}

#[test]
fn a_request_for_tasks_is_read_from_json_and_from_a_query_alike() {
    let expected = ListTasksRequest {
        tenant: None,
        context_id: Some("c1".to_owned()),
        status: Some(TaskState::Working),
        page_size: 10,
        page_token: Some("true".to_owned()),
        history_length: Some(0),
        status_timestamp_after: Some(WallMs(1_774_008_000_000)),
        include_artifacts: true,
    };
    let camel = json!({
        "contextId": "c1", "status": "TASK_STATE_WORKING", "pageSize": 10, "pageToken": "true",
        "historyLength": 0, "statusTimestampAfter": "2026-03-20T12:00:00Z", "includeArtifacts": true,
    });
    let snake = json!({
        "context_id": "c1", "status": 2, "page_size": "10", "page_token": "true",
        "history_length": "0", "status_timestamp_after": "2026-03-20T13:00:00+01:00",
        "include_artifacts": true,
    });
    let query = query_of(&[
        ("A2A-Version", "1.0"),
        ("contextId", "c1"),
        ("status", "TASK_STATE_WORKING"),
        ("pageSize", "10"),
        ("pageToken", "true"),
        ("historyLength", "0"),
        ("statusTimestampAfter", "2026-03-20T12:00:00Z"),
        ("includeArtifacts", "true"),
    ]);
    for request in [camel, snake, query] {
        assert_eq!(ListTasksRequest::from_value(&request).unwrap(), expected, "{request}");
    }
    let printed = serde_json::to_value(&expected).unwrap();
    assert_eq!(ListTasksRequest::from_value(&printed).unwrap(), expected);
}

#[test]
fn what_is_not_said_filters_nothing_and_asks_for_fifty() {
    let nothing = ListTasksRequest {
        tenant: None,
        context_id: None,
        status: None,
        page_size: PAGE_SIZE_DEFAULT,
        page_token: None,
        history_length: None,
        status_timestamp_after: None,
        include_artifacts: false,
    };
    let empty = query_of(&[("contextId", ""), ("pageSize", ""), ("pageToken", "")]);
    for request in [
        json!({}),
        json!({"contextId": "", "status": "TASK_STATE_UNSPECIFIED", "pageSize": null, "pageToken": ""}),
        json!({"status": 0, "includeArtifacts": false}),
        empty,
    ] {
        assert_eq!(ListTasksRequest::from_value(&request).unwrap(), nothing, "{request}");
    }
    assert_eq!(PAGE_SIZE_DEFAULT, 50);
}

#[test]
fn every_fault_of_a_request_for_tasks_is_told_with_its_path() {
    for size in [json!(1), json!("1"), json!(PAGE_SIZE_MAX), json!("100")] {
        assert!(ListTasksRequest::from_value(&json!({"pageSize": size})).is_ok(), "{size}");
    }
    for size in [json!(0), json!(101), json!(-1), json!("0"), json!("-1"), json!("x"), json!(1.5)] {
        let refused = ListTasksRequest::from_value(&json!({"page_size": size}));
        assert_eq!(paths(refused), ["/pageSize"], "{size}");
    }
    let all = query_of(&[
        ("contextId", "c1"),
        ("contextId", "c2"),
        ("contextId", "c3"),
        ("status", "TASK_STATE_RUNNING"),
        ("pageSize", "150"),
        ("historyLength", "-5"),
        ("statusTimestampAfter", "yesterday"),
        ("includeArtifacts", "maybe"),
        ("other", "1"),
        ("other", "2"),
    ]);
    assert_eq!(
        paths(ListTasksRequest::from_value(&all)),
        [
            "/contextId",
            "/status",
            "/pageSize",
            "/historyLength",
            "/statusTimestampAfter",
            "/includeArtifacts"
        ]
    );
    assert_eq!(paths(ListTasksRequest::from_value(&json!([]))), [""]);
}

#[test]
fn a_page_always_says_its_four_members() {
    let page = ListTasksResponse {
        tasks: Vec::new(),
        next_page_token: String::new(),
        page_size: 50,
        total_size: 0,
    };
    let printed = json!({"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0});
    assert_eq!(serde_json::to_value(&page).unwrap(), printed);
}

#[test]
fn a_page_is_read_as_it_is_printed_and_what_it_leaves_out_is_none() {
    let printed = json!({
        "tasks": [{"id": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_WORKING"}}],
        "nextPageToken": "next", "pageSize": 1, "totalSize": 2,
    });
    let page = ListTasksResponse::from_value(&printed).unwrap();
    assert_eq!((page.tasks[0].id.as_str(), page.total_size), ("t1", 2));
    assert_eq!(serde_json::to_value(&page).unwrap(), printed);
    let empty = ListTasksResponse::from_value(&json!({})).unwrap();
    assert_eq!((empty.tasks.len(), empty.next_page_token.as_str()), (0, ""));
    for (member, wrong) in
        [("tasks", json!({})), ("nextPageToken", json!(1)), ("pageSize", json!(-1))]
    {
        let read = ListTasksResponse::from_value(&json!({member: wrong}));
        assert_eq!(paths(read), [format!("/{member}")]);
    }
}

#[test]
fn a_query_asks_for_a_task_with_its_history() {
    let mut members = query::members([("historyLength", "2"), ("A2A-Version", "1.0")]);
    members.insert("id".to_owned(), json!("t1"));
    let request = GetTaskRequest::from_value(&Value::Object(members)).unwrap();
    let expected = GetTaskRequest { tenant: None, id: "t1".to_owned(), history_length: Some(2) };
    assert_eq!(request, expected);
}

#[test]
fn an_extended_card_is_asked_for_with_at_most_a_tenant() {
    let named = GetExtendedAgentCardRequest { tenant: Some("echo".to_owned()) };
    let request = json!({"tenant": "echo", "future": 1});
    assert_eq!(GetExtendedAgentCardRequest::from_value(&request).unwrap(), named);
    let none = GetExtendedAgentCardRequest::default();
    assert_eq!(GetExtendedAgentCardRequest::from_value(&json!({})).unwrap(), none);
    assert_eq!(paths(GetExtendedAgentCardRequest::from_value(&json!({"tenant": 1}))), ["/tenant"]);
}

#[test]
fn a_request_is_printed_as_it_was_read() {
    let request = json!({
        "tenant": "echo",
        "message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]},
        "configuration": {
            "acceptedOutputModes": ["text/plain"],
            "taskPushNotificationConfig": {
                "id": "p1", "taskId": "t1", "url": "https://a.example/cb", "token": "tok",
                "authentication": {"scheme": "Bearer", "credentials": "s"},
            },
            "historyLength": 3,
            "returnImmediately": true,
        },
        "metadata": {"m": true},
    });
    let read = SendMessageRequest::from_value(&request).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), request);
}
