//! A2A types: what is read, what is refused and where, and that printing and reading agree.

#![expect(clippy::unwrap_used, reason = "tests")]

mod list;
mod rpc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::time::WallMs;

pub(super) fn paths<T>(read: Result<T, Vec<SchemaError>>) -> Vec<String> {
    read.err().unwrap_or_default().into_iter().map(|fault| fault.path).collect()
}

#[test]
fn a_request_in_snake_case_is_the_request_in_camel_case() {
    let snake = json!({
        "message": {
            "message_id": "m1", "context_id": "c1", "role": "ROLE_USER",
            "parts": [{"text": "hi", "media_type": "text/plain"}],
            "reference_task_ids": ["t0"],
        },
        "configuration": {
            "accepted_output_modes": ["text/plain"], "history_length": "3",
            "return_immediately": true,
            "task_push_notification_config": {"url": "http://localhost:1/x", "task_id": ""},
        },
    });
    let camel = json!({
        "message": {
            "messageId": "m1", "contextId": "c1", "role": "ROLE_USER",
            "parts": [{"text": "hi", "mediaType": "text/plain"}],
            "referenceTaskIds": ["t0"],
        },
        "configuration": {
            "acceptedOutputModes": ["text/plain"], "historyLength": 3,
            "returnImmediately": true,
            "taskPushNotificationConfig": {"url": "http://localhost:1/x"},
        },
    });
    let read = SendMessageRequest::from_value(&snake).unwrap();
    assert_eq!(SendMessageRequest::from_value(&camel).unwrap(), read);
    let configuration = read.configuration.unwrap();
    assert_eq!((configuration.history_length, configuration.return_immediately), (Some(3), true));
    assert_eq!(configuration.task_push_notification_config.unwrap().task_id, None);
    assert_eq!(read.message.reference_task_ids, ["t0"]);
}

#[test]
fn every_fault_of_a_request_is_told_with_its_path() {
    let none = Vec::<&str>::new();
    for (params, expected) in [
        (json!({}), vec!["/message"]),
        (json!({"message": {}}), vec!["/message/messageId", "/message/role", "/message/parts"]),
        (
            json!({"message": {"messageId": "", "role": "ROLE_UNSPECIFIED", "parts": []}}),
            vec!["/message/messageId", "/message/role", "/message/parts"],
        ),
        (
            json!({"message": {"messageId": "m", "role": 1, "parts": [
                {"text": "a"}, {}, {"text": "a", "url": "b"}, {"raw": "%"}, {"text": 1}, 7]},
                "configuration": {"historyLength": -1}}),
            vec![
                "/message/parts/1",
                "/message/parts/2",
                "/message/parts/3/raw",
                "/message/parts/4/text",
                "/message/parts/5",
                "/configuration/historyLength",
            ],
        ),
        (
            json!({"message": {"messageId": "m", "message_id": "m", "role": "ROLE_AGENT",
                "parts": [{"data": null}]}}),
            vec!["/message/messageId"],
        ),
        (
            json!({"message": {"messageId": "m", "role": 2, "parts": [{"data": null}],
                "metadata": null, "extensions": null, "future": 1}, "tenant": null}),
            none.clone(),
        ),
        (json!([]), vec![""]),
    ] {
        let mut found = paths(SendMessageRequest::from_value(&params));
        found.dedup();
        assert_eq!(found, expected, "{params}");
    }
}

#[test]
fn a_part_holds_exactly_one_content_of_each_kind() {
    for (part, content, printed) in [
        (json!({"text": ""}), Content::Text(String::new()), json!({"text": ""})),
        (json!({"raw": "aGk="}), Content::Raw(b"hi".to_vec()), json!({"raw": "aGk="})),
        (json!({"raw": "aGk"}), Content::Raw(b"hi".to_vec()), json!({"raw": "aGk="})),
        (json!({"raw": "__8"}), Content::Raw(vec![255, 255]), json!({"raw": "//8="})),
        (
            json!({"url": "x:y", "text": null}),
            Content::Url("x:y".to_owned()),
            json!({"url": "x:y"}),
        ),
        (json!({"data": null}), Content::Data(Value::Null), json!({"data": null})),
        (
            json!({"data": {"a_b": 1}}),
            Content::Data(json!({"a_b": 1})),
            json!({"data": {"a_b": 1}}),
        ),
    ] {
        let read = Part::from_value(&part).unwrap();
        assert_eq!(read, Part::new(content), "{part}");
        assert_eq!(serde_json::to_value(&read).unwrap(), printed, "{part}");
    }
}

#[test]
fn states_have_the_names_and_numbers_of_the_protocol() {
    use TaskState::*;
    for (at, state) in TaskState::ALL.iter().copied().enumerate() {
        assert_eq!(state as usize, at + 1);
        assert_eq!(TaskState::from_value(&json!(state.as_str())), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(TaskState::from_value(&json!(at + 1)), Ok(state));
        assert!(!(state.is_terminal() && state.is_interrupted()));
    }
    let all = TaskState::ALL.iter().copied();
    let terminal: Vec<_> = all.clone().filter(|state| state.is_terminal()).collect();
    assert_eq!(terminal, [Completed, Failed, Canceled, Rejected]);
    let interrupted: Vec<_> = all.filter(|state| state.is_interrupted()).collect();
    assert_eq!(interrupted, [InputRequired, AuthRequired]);
    for bad in [json!(0), json!(9), json!("completed"), json!("TASK_STATE_UNSPECIFIED")] {
        assert!(TaskState::from_value(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_response_is_exactly_one_thing() {
    let status = json!({"state": "TASK_STATE_WORKING", "timestamp": "2026-03-20T12:00:00.000Z"});
    let task = json!({"id": "t", "contextId": "c", "status": status});
    let artifact = json!({"artifactId": "a", "parts": [{"text": "x"}]});
    let message = json!({"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]});
    for response in [
        json!({"task": task}),
        json!({"message": message}),
        json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": status}}),
        json!({"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": artifact,
            "append": true, "lastChunk": true}}),
    ] {
        let read = StreamResponse::from_value(&response).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), response);
    }
    assert_eq!(paths(StreamResponse::from_value(&json!({}))), [""]);
    let both = json!({"task": task, "message": message});
    assert_eq!(paths(StreamResponse::from_value(&both)), [""]);
    let broken = json!({"statusUpdate": {"taskId": "t", "status": {"state": 99}}});
    assert_eq!(
        paths(StreamResponse::from_value(&broken)),
        ["/statusUpdate/contextId", "/statusUpdate/status/state"]
    );
}

#[test]
fn a_method_is_known_by_both_names_and_a_version_is_never_guessed() {
    use ProtocolVersion::*;
    assert_eq!(Method::parse("SendMessage"), Some((Method::SendMessage, V10)));
    assert_eq!(Method::parse("tasks/resubscribe"), Some((Method::SubscribeToTask, V03)));
    assert_eq!(Method::parse("tasks/send"), None);
    assert_eq!(Method::parse("ListTasks"), Some((Method::ListTasks, V10)));
    assert_eq!(Method::parse("tasks/list"), None);
    for (header, expected) in [
        (None, V03),
        (Some(""), V03),
        (Some("0.3"), V03),
        (Some("0.3.0"), V03),
        (Some("1.0"), V10),
        (Some("1.0.1"), V10),
    ] {
        assert_eq!(ProtocolVersion::negotiate(header), Ok(expected));
    }
    for bad in ["1", "1.0.x", "1.0.1.0", "2.0", "1.0, 0.3"] {
        let refused = ProtocolVersion::negotiate(Some(bad));
        assert_eq!(refused, Err(A2aError::VersionNotSupported), "{bad}");
    }
}

pub(super) fn any_part() -> impl Strategy<Value = Part> {
    let content = prop_oneof![
        ".{0,12}".prop_map(Content::Text),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Content::Raw),
        "[a-z]{1,8}".prop_map(Content::Url),
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from)
        ]
        .prop_map(Content::Data),
    ];
    let name = proptest::option::of("[a-z.]{1,8}");
    (content, name.clone(), name).prop_map(|(content, filename, media_type)| Part {
        filename,
        media_type,
        ..Part::new(content)
    })
}

pub(super) fn any_message() -> impl Strategy<Value = Message> {
    let id = || "[!-~]{1,20}";
    let optional = || proptest::option::of(id());
    let parts = proptest::collection::vec(any_part(), 1..4);
    let ids = proptest::collection::vec(id(), 0..3);
    (id(), optional(), optional(), any::<bool>(), parts, ids).prop_map(
        |(message_id, context_id, task_id, is_user, parts, reference_task_ids)| {
            let role = if is_user { Role::User } else { Role::Agent };
            let base = Message::new(message_id, role, parts);
            Message { context_id, task_id, reference_task_ids, ..base }
        },
    )
}

proptest! {
    #[test]
    fn a_task_reads_as_it_was_printed(
        history in proptest::collection::vec(any_message(), 0..3),
        parts in proptest::collection::vec(any_part(), 1..3),
        state in 0_usize..8,
        since in proptest::option::of((0_u64..253_402_300_799_999).prop_map(WallMs)),
    ) {
        let status =
            TaskStatus { state: TaskState::ALL[state], message: None, timestamp: since };
        let artifact = Artifact {
            artifact_id: "a".to_owned(), name: None, description: None, parts, metadata: None,
            extensions: vec![],
        };
        let task = Task {
            id: "t".to_owned(), context_id: None, status, artifacts: vec![artifact], history,
            metadata: None,
        };
        let printed = serde_json::to_vec(&task).unwrap();
        prop_assert_eq!(Task::parse(&printed).unwrap(), task);
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = SendMessageRequest::parse(&bytes);
        let _ = ListTasksRequest::parse(&bytes);
        let _ = super::rpc::Request::parse(&bytes);
    }
}
