//! 0.3 in its JSON-RPC form: documents as the Python SDK prints them, and what is refused and where.

#![expect(clippy::unwrap_used, reason = "tests")]

mod push;
mod rest;
mod round_trip;

use serde_json::{Value, json};

use super::*;
use crate::a2a::tests::paths;
use crate::a2a::{Content, Message, Part, TaskPushNotificationConfig, TaskState};
use crate::time::WallMs;

/// `MessageSendParams` of a2a-sdk 1.3.0 (`compat/v0_3`), by `model_dump(by_alias=True, exclude_none=True)`.
fn params() -> Value {
    json!({
        "configuration": {
            "acceptedOutputModes": ["text/plain"], "blocking": true, "historyLength": 3,
            "pushNotificationConfig": {
                "authentication": {"credentials": "s", "schemes": ["Bearer"]},
                "token": "tok", "url": "https://a.example/cb",
            },
        },
        "message": {
            "contextId": "c1", "extensions": ["urn:x"], "kind": "message", "messageId": "m1",
            "parts": [
                {"kind": "text", "text": "hi"},
                {"kind": "file", "file": {"bytes": "aGk=", "mimeType": "text/plain", "name": "a.txt"}},
                {"kind": "file", "file": {"uri": "https://a.example/x"}, "metadata": {"k": "v"}},
                {"kind": "data", "data": {"a": 1.0}},
                {"kind": "data", "data": {"value": [1.0, 2.0]}, "metadata": {"data_part_compat": true}},
            ],
            "referenceTaskIds": ["t0"], "role": "user",
        },
        "metadata": {"m": true},
    })
}

/// What `params` means in 1.0.
fn request() -> Value {
    json!({
        "message": {
            "messageId": "m1", "contextId": "c1", "role": "ROLE_USER",
            "parts": [
                {"text": "hi"},
                {"raw": "aGk=", "filename": "a.txt", "mediaType": "text/plain"},
                {"url": "https://a.example/x", "metadata": {"k": "v"}},
                {"data": {"a": 1.0}},
                {"data": [1.0, 2.0]},
            ],
            "extensions": ["urn:x"], "referenceTaskIds": ["t0"],
        },
        "configuration": {
            "acceptedOutputModes": ["text/plain"],
            "taskPushNotificationConfig": {
                "url": "https://a.example/cb", "token": "tok",
                "authentication": {"scheme": "Bearer", "credentials": "s"},
            },
            "historyLength": 3,
        },
        "metadata": {"m": true},
    })
}

/// `Task` of a2a-sdk 1.3.0, printed as above.
fn task_of_python() -> Value {
    json!({
        "artifacts": [
            {"artifactId": "a1", "name": "n", "parts": [{"file": {"uri": "https://a.example/y"}, "kind": "file"}]},
        ],
        "contextId": "c1",
        "history": [{"kind": "message", "messageId": "m1", "parts": [{"kind": "text", "text": "hi"}], "role": "user"}],
        "id": "t1",
        "kind": "task",
        "metadata": {"x": 1.0},
        "status": {
            "message": {
                "kind": "message", "messageId": "m2", "parts": [{"kind": "text", "text": "no"}], "role": "agent",
            },
            "state": "canceled",
            "timestamp": "2026-03-20T12:00:00.000Z",
        },
    })
}

/// What `task_of_python` means in 1.0.
fn task() -> Value {
    json!({
        "id": "t1",
        "contextId": "c1",
        "status": {
            "state": "TASK_STATE_CANCELED",
            "message": {"messageId": "m2", "role": "ROLE_AGENT", "parts": [{"text": "no"}]},
            "timestamp": "2026-03-20T12:00:00.000Z",
        },
        "artifacts": [{"artifactId": "a1", "name": "n", "parts": [{"url": "https://a.example/y"}]}],
        "history": [{"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}],
        "metadata": {"x": 1.0},
    })
}

fn read_said(value: &Value) -> Result<Message, Vec<SchemaError>> {
    read(value, Dialect::PROTO_JSON, |spot| message::read_message(Form::JsonRpc, spot))
}

fn print_said(message: &Message) -> Value {
    message::print_message(Form::JsonRpc, message)
}

#[test]
fn a_message_of_the_python_sdk_is_read_and_printed_again() {
    let read = read_send_message(&params()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), request());
    assert_eq!(print_send_message(&read), params());
    // Its models take the names of Python too.
    let mut snake = params();
    let message = snake["message"].as_object_mut().unwrap();
    for (camel, name) in [("messageId", "message_id"), ("referenceTaskIds", "reference_task_ids")] {
        let value = message.remove(camel).unwrap();
        message.insert(name.to_owned(), value);
    }
    assert_eq!(read_send_message(&snake), Ok(read));
}

#[test]
fn a_task_of_the_python_sdk_is_read_and_printed_again() {
    let read = read_task(&task_of_python()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), task());
    assert_eq!(print_task(&read), task_of_python());
    let response = SendMessageResponse::Task(read);
    assert_eq!(read_send_message_response(&task_of_python()), Ok(response.clone()));
    assert_eq!(print_send_message_response(&response), task_of_python());
}

#[test]
fn a_call_waits_unless_it_says_that_it_does_not() {
    let message =
        json!({"messageId": "m1", "role": "user", "parts": [{"kind": "text", "text": "hi"}]});
    for (configuration, returns_immediately) in [
        (json!({}), false),
        (json!({"blocking": null}), false),
        (json!({"blocking": true}), false),
        (json!({"blocking": false}), true),
    ] {
        let params = json!({"message": message, "configuration": configuration});
        let read = read_send_message(&params).unwrap();
        assert_eq!(read.configuration.as_ref().unwrap().return_immediately, returns_immediately);
        assert_eq!(
            print_send_message(&read)["configuration"],
            json!({"blocking": !returns_immediately})
        );
    }
    let read = read_send_message(&json!({"message": message})).unwrap();
    assert_eq!(read.configuration, None);
    assert_eq!(print_send_message(&read)["configuration"], json!({"blocking": true}));
}

#[test]
fn no_history_length_and_zero_are_all_of_it() {
    for (params, length) in [
        (json!({"id": "t1"}), None),
        (json!({"id": "t1", "historyLength": 0}), None),
        (json!({"id": "t1", "historyLength": 2}), Some(2)),
        (json!({"id": "t1", "historyLength": "2"}), Some(2)),
    ] {
        assert_eq!(read_get_task(&params).unwrap().history_length, length, "{params}");
    }
    for (length, printed) in [
        (None, json!({"id": "t1"})),
        (Some(0), json!({"id": "t1", "historyLength": 1})),
        (Some(2), json!({"id": "t1", "historyLength": 2})),
    ] {
        let request = GetTaskRequest { tenant: None, id: "t1".to_owned(), history_length: length };
        assert_eq!(print_get_task(&request), printed);
    }
}

#[test]
fn every_fault_of_a_message_is_told_with_its_place_in_0_3() {
    for (params, expected) in [
        (json!({}), vec!["/message"]),
        (
            json!({"message": {"kind": "task"}}),
            vec!["/message/kind", "/message/messageId", "/message/role", "/message/parts"],
        ),
        (
            json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [
                {"kind": "text"}, {"kind": "file", "file": {}},
                {"kind": "file", "file": {"bytes": "aGk=", "uri": "x:y"}},
                {"kind": "file", "file": {"bytes": "%"}}, {"kind": "data", "data": [1]},
                {"kind": "audio", "text": "a"}, {}, {"text": "a", "data": {}}]}}),
            vec![
                "/message/role",
                "/message/parts/0/text",
                "/message/parts/1/file",
                "/message/parts/2/file",
                "/message/parts/3/file/bytes",
                "/message/parts/4/data",
                "/message/parts/5/kind",
                "/message/parts/6",
                "/message/parts/7",
            ],
        ),
        (
            json!({"message": {"messageId": "m", "role": "user", "parts": []}, "configuration": {
                "historyLength": -1, "blocking": "yes",
                "pushNotificationConfig": {"url": "no", "authentication": {"schemes": []}}}}),
            vec![
                "/message/parts",
                "/configuration/pushNotificationConfig/url",
                "/configuration/pushNotificationConfig/authentication/schemes",
                "/configuration/historyLength",
                "/configuration/blocking",
            ],
        ),
        (json!("text"), vec![""]),
    ] {
        assert_eq!(paths(read_send_message(&params)), expected, "{params}");
    }
}

#[test]
fn a_part_is_what_it_says_or_else_what_it_has() {
    for (part, content) in [
        (json!({"kind": "text", "text": "a", "file": 7}), Content::Text("a".to_owned())),
        (json!({"text": ""}), Content::Text(String::new())),
        (json!({"file": {"bytes": "_-8"}}), Content::Raw(vec![255, 239])),
        (json!({"file": {"uri": "x:y", "bytes": null}}), Content::Url("x:y".to_owned())),
        (json!({"data": {}}), Content::Data(json!({}))),
    ] {
        let message = json!({"messageId": "m1", "role": "agent", "parts": [part]});
        assert_eq!(read_said(&message).unwrap().parts, [Part::new(content)], "{part}");
    }
}

#[test]
fn only_a_wrapped_content_is_unwrapped() {
    let mark = || json!({"data_part_compat": true, "k": 1});
    for (part, printed) in [
        (json!({"data": null, "metadata": {"k": 1}}), (json!({"value": null}), mark())),
        (json!({"data": "a", "metadata": {"k": 1}}), (json!({"value": "a"}), mark())),
    ] {
        let message = json!({"messageId": "m1", "role": "ROLE_AGENT", "parts": [part]});
        let message = Message::from_value(&message).unwrap();
        let (data, metadata) = printed;
        let expected = json!([{"kind": "data", "data": data, "metadata": metadata}]);
        assert_eq!(print_said(&message)["parts"], expected);
        assert_eq!(read_said(&print_said(&message)), Ok(message));
    }
    for part in [
        json!({"kind": "data", "data": {"value": 1}}),
        json!({"kind": "data", "data": {"value": 1}, "metadata": {"data_part_compat": 1}}),
        json!({"kind": "data", "data": {"value": 1, "b": 2}, "metadata": {"data_part_compat": true}}),
        json!({"kind": "data", "data": {"b": 2}, "metadata": {"data_part_compat": true}}),
    ] {
        let message = json!({"messageId": "m1", "role": "agent", "parts": [part]});
        let read = read_said(&message).unwrap();
        assert_eq!(read.parts[0].content, Content::Data(part["data"].clone()));
        assert_eq!(print_said(&read)["parts"], json!([part]));
    }
}

#[test]
fn what_0_3_has_no_place_for_is_left_out() {
    let part = json!({"text": "hi", "mediaType": "text/plain", "filename": "a"});
    let message = json!({"messageId": "m1", "role": "ROLE_USER", "parts": [part]});
    let request = json!({"tenant": "echo", "message": message});
    let printed = print_send_message(&SendMessageRequest::from_value(&request).unwrap());
    let expected = json!({
        "message": {"kind": "message", "messageId": "m1", "role": "user", "parts": [{"kind": "text", "text": "hi"}]},
        "configuration": {"blocking": true},
    });
    assert_eq!(printed, expected);
}

#[test]
fn states_have_the_words_of_0_3_and_an_event_is_final_where_nothing_follows() {
    let words = [
        "submitted",
        "working",
        "completed",
        "failed",
        "canceled",
        "input-required",
        "rejected",
        "auth-required",
    ];
    let finals = [false, false, true, true, true, true, true, true];
    for ((state, word), is_final) in TaskState::ALL.iter().zip(words).zip(finals) {
        let update =
            json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": state}}});
        let update = StreamResponse::from_value(&update).unwrap();
        let printed = print_stream_response(&update);
        let expected = json!({
            "kind": "status-update", "taskId": "t", "contextId": "c", "status": {"state": word}, "final": is_final,
        });
        assert_eq!(printed, expected);
        assert_eq!(read_stream_response(&printed), Ok(update));
    }
    for bad in ["unknown", "TASK_STATE_WORKING", "cancelled", ""] {
        let task = json!({"kind": "task", "id": "t", "contextId": "c", "status": {"state": bad}});
        assert_eq!(paths(read_task(&task)), ["/status/state"], "{bad}");
    }
}

#[test]
fn an_artifact_says_whether_it_is_a_piece_and_the_last_one() {
    let artifact = json!({"artifactId": "a", "parts": [{"text": "x"}]});
    let update = json!({"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": artifact,
        "append": true, "lastChunk": true}});
    let update = StreamResponse::from_value(&update).unwrap();
    let artifact = json!({"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]});
    let mut printed = json!({"kind": "artifact-update", "taskId": "t", "contextId": "c",
        "artifact": artifact, "append": true, "lastChunk": true});
    assert_eq!(print_stream_response(&update), printed);
    assert_eq!(read_stream_response(&printed), Ok(update));
    // The Python SDK prints both, also where they are false.
    printed["append"] = json!(false);
    printed["lastChunk"] = json!(false);
    let Ok(StreamResponse::ArtifactUpdate(read)) = read_stream_response(&printed) else {
        panic!("{printed}")
    };
    assert!(!read.append && !read.last_chunk);
    assert_eq!(task::print_artifact(Form::JsonRpc, &read.artifact), artifact);
}

#[test]
fn what_a_server_sends_is_known_by_its_kind_or_its_members() {
    let status = json!({"state": "working"});
    let message =
        json!({"messageId": "m", "taskId": "t", "role": "agent", "parts": [{"text": "x"}]});
    let artifact = json!({"artifactId": "a", "parts": [{"text": "x"}]});
    for (event, kind) in [
        (json!({"id": "t", "contextId": "c", "status": status}), "task"),
        (message, "message"),
        (
            json!({"taskId": "t", "contextId": "c", "status": status, "final": false}),
            "status-update",
        ),
        (json!({"taskId": "t", "contextId": "c", "artifact": artifact}), "artifact-update"),
    ] {
        let read = read_stream_response(&event).unwrap();
        assert_eq!(print_stream_response(&read)["kind"], kind);
        let answers = ["task", "message"].contains(&kind);
        assert_eq!(read_send_message_response(&event).is_ok(), answers, "{event}");
    }
    for (event, expected) in [
        (json!({}), vec!["/kind"]),
        (json!({"kind": "other", "id": "t"}), vec!["/kind"]),
        (json!({"kind": "status-update", "taskId": "t"}), vec!["/contextId", "/status"]),
        (json!({"kind": "message", "id": "t"}), vec!["/messageId", "/role", "/parts"]),
        (json!(null), vec![""]),
    ] {
        assert_eq!(paths(read_stream_response(&event)), expected, "{event}");
    }
}

#[test]
fn a_time_without_an_offset_is_in_utc() {
    for (text, expected) in [
        ("2025-04-02T16:59:35.331844", Some(1_743_613_175_331)),
        ("2025-04-02T16:59:35.331844+00:00", Some(1_743_613_175_331)),
        ("2025-04-02T18:59:35+02:00", Some(1_743_613_175_000)),
        ("2025-04-02", None),
        ("1969-12-31T23:59:59", None),
    ] {
        let task =
            json!({"id": "t", "contextId": "c", "status": {"state": "working", "timestamp": text}});
        let read = read_task(&task).ok().and_then(|task| task.status.timestamp);
        assert_eq!(read, expected.map(WallMs), "{text}");
    }
}

#[test]
fn a_task_without_a_context_has_an_empty_one() {
    let read =
        read_task(&json!({"id": "t", "contextId": "", "status": {"state": "working"}})).unwrap();
    assert_eq!(read.context_id, None);
    assert_eq!(print_task(&read)["contextId"], "");
}

#[test]
fn a_task_is_named_by_its_id() {
    let params = json!({"id": "t1", "metadata": {"m": 1}});
    let cancel = read_cancel_task(&params).unwrap();
    assert_eq!(print_cancel_task(&cancel), params);
    let subscribe = read_subscribe_to_task(&params).unwrap();
    assert_eq!(print_subscribe_to_task(&subscribe), json!({"id": "t1"}));
    for bad in [json!({}), json!({"id": ""}), json!({"id": 7}), json!({"id": null})] {
        assert_eq!(paths(read_cancel_task(&bad)), ["/id"], "{bad}");
        assert_eq!(paths(read_subscribe_to_task(&bad)), ["/id"], "{bad}");
        assert_eq!(paths(read_get_task(&bad)), ["/id"], "{bad}");
    }
}

#[test]
fn a_push_config_has_the_first_of_its_schemes() {
    let mut params = params();
    let push = &mut params["configuration"]["pushNotificationConfig"];
    push["id"] = json!("p1");
    push["authentication"]["schemes"] = json!(["Bearer", "Basic"]);
    let read = read_send_message(&params).unwrap();
    let configuration = read.configuration.as_ref().unwrap();
    let config = json!({"id": "p1", "url": "https://a.example/cb", "token": "tok",
        "authentication": {"scheme": "Bearer", "credentials": "s"}});
    assert_eq!(
        TaskPushNotificationConfig::from_value(&config).ok(),
        configuration.task_push_notification_config
    );
    params["configuration"]["pushNotificationConfig"]["authentication"]["schemes"] =
        json!(["Bearer"]);
    assert_eq!(print_send_message(&read), params);
}
