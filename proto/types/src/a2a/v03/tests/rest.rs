//! 0.3 in its HTTP+JSON form.

use serde_json::{Value, json};

use super::{request, task};
use crate::a2a::tests::paths;
use crate::a2a::v03::read_get_task;
use crate::a2a::v03::rest::{
    print_send_message, print_send_message_response, print_stream_response, print_task,
    read_send_message, read_send_message_response, read_stream_response, read_task,
};
use crate::a2a::{Message, SendMessageResponse, StreamResponse, Task, query};

/// `SendMessageRequest` of a2a-sdk 1.3.0 (`compat/v0_3/rest_transport.py`), by
/// `MessageToDict(preserving_proto_field_name=True)`. The bytes of its file are those of the text `aGk=`.
fn body() -> Value {
    json!({
        "request": {
            "message_id": "m1", "context_id": "c1", "role": "ROLE_USER",
            "content": [
                {"text": "hi"},
                {"file": {"file_with_bytes": "YUdrPQ==", "mime_type": "text/plain", "name": "a.txt"}},
                {"file": {"file_with_uri": "https://a.example/x"}, "metadata": {"k": "v"}},
                {"data": {"data": {"a": 1.0}}},
                {"data": {"data": {"value": [1.0, 2.0]}}, "metadata": {"data_part_compat": true}},
            ],
            "extensions": ["urn:x"],
        },
        "configuration": {
            "accepted_output_modes": ["text/plain"],
            "push_notification": {
                "url": "https://a.example/cb", "token": "tok",
                "authentication": {"schemes": ["Bearer"], "credentials": "s"},
            },
            "history_length": 3,
            "blocking": true,
        },
        "metadata": {"m": true},
    })
}

#[test]
fn a_message_of_the_python_sdk_is_read() {
    let read = read_send_message(&body()).unwrap();
    let mut expected = request();
    let message = expected["message"].as_object_mut().unwrap();
    message.remove("referenceTaskIds");
    message["parts"][1]["raw"] = json!("YUdrPQ==");
    assert_eq!(serde_json::to_value(&read).unwrap(), expected);
}

#[test]
fn a_configuration_that_does_not_say_blocking_does_not_wait() {
    let message = json!({"messageId": "m1", "role": 1, "content": [{"text": "hi"}]});
    let waits = |configuration: Value| {
        let read = read_send_message(&json!({"message": message, "configuration": configuration}));
        read.unwrap().configuration.is_none_or(|configuration| !configuration.return_immediately)
    };
    assert!(waits(json!(null)));
    assert!(waits(json!({"blocking": true})));
    assert!(!waits(json!({})));
    assert!(!waits(json!({"blocking": false})));
}

#[test]
fn every_fault_of_a_body_is_told_with_its_place() {
    let message = json!({"messageId": "m1", "role": "ROLE_USER", "content": [{"text": "hi"}]});
    for (body, expected) in [
        (json!({}), vec!["/message"]),
        (json!({"message": message, "request": message}), vec!["/message"]),
        (
            json!({"request": {"messageId": "m1", "role": "user"}}),
            vec!["/request/role", "/request/content"],
        ),
        (
            json!({"message": {"messageId": "m1", "role": "ROLE_USER", "content": [
                {"kind": "text", "text": "a"}, {"file": {}}, {"data": {"a": 1}}, {},
                {"text": "a", "file": {"fileWithUri": "x:y"}}]}}),
            vec![
                "/message/content/1/file",
                "/message/content/2/data/data",
                "/message/content/3",
                "/message/content/4",
            ],
        ),
        (
            json!({"message": message, "configuration": {"pushNotification": {"token": 1}}}),
            vec!["/configuration/pushNotification/url", "/configuration/pushNotification/token"],
        ),
        (json!(null), vec![""]),
    ] {
        assert_eq!(paths(read_send_message(&body)), expected, "{body}");
    }
}

/// `SendMessageResponse` of the server of a2a-sdk 1.3.0 (`rest_handler.py`), but for the digits of the time.
#[test]
fn a_task_is_printed_as_the_python_sdk_prints_it() {
    let task = Task::from_value(&task()).unwrap();
    let printed = json!({
        "id": "t1",
        "contextId": "c1",
        "status": {
            "state": "TASK_STATE_CANCELLED",
            "message": {"messageId": "m2", "role": "ROLE_AGENT", "content": [{"text": "no"}]},
            "timestamp": "2026-03-20T12:00:00.000Z",
        },
        "artifacts": [
            {"artifactId": "a1", "name": "n", "parts": [{"file": {"fileWithUri": "https://a.example/y"}}]},
        ],
        "history": [{"messageId": "m1", "role": "ROLE_USER", "content": [{"text": "hi"}]}],
        "metadata": {"x": 1.0},
    });
    assert_eq!(print_task(&task), printed);
    let answer = print_send_message_response(&SendMessageResponse::Task(task));
    assert_eq!(answer, json!({"task": printed}));
}

#[test]
fn what_is_printed_is_read_again() {
    let task = Task::from_value(&task()).unwrap();
    assert_eq!(read_task(&print_task(&task)), Ok(task.clone()));
    let answer = SendMessageResponse::Task(task.clone());
    assert_eq!(read_send_message_response(&print_send_message_response(&answer)), Ok(answer));
    let artifact = json!({"artifactId": "a", "parts": [{"text": "x"}]});
    for event in [
        json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_CANCELED"}}}),
        json!({"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": artifact, "lastChunk": true}}),
        json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}}),
    ] {
        let event = StreamResponse::from_value(&event).unwrap();
        assert_eq!(read_stream_response(&print_stream_response(&event)), Ok(event));
    }
    let mut request = read_send_message(&body()).unwrap();
    assert_eq!(read_send_message(&print_send_message(&request)), Ok(request.clone()));
    request.configuration = None;
    assert_eq!(print_send_message(&request)["configuration"], json!({"blocking": true}));
    for (state, canceled) in [("TASK_STATE_CANCELED", true), ("canceled", false)] {
        let value = json!({"id": "t", "status": {"state": state}});
        assert_eq!(read_task(&value).is_ok(), canceled, "{state}");
    }
}

#[test]
fn a_message_has_content_and_no_references() {
    let message = json!({"messageId": "m1", "role": "ROLE_AGENT", "referenceTaskIds": ["t0"], "parts": [
        {"raw": "aGk=", "filename": "a.txt", "mediaType": "text/plain"}, {"data": {"a": 1}}, {"data": 7}]});
    let message = Message::from_value(&message).unwrap();
    let printed = json!({"message": {"messageId": "m1", "role": "ROLE_AGENT", "content": [
        {"file": {"fileWithBytes": "aGk=", "mimeType": "text/plain", "name": "a.txt"}},
        {"data": {"data": {"a": 1}}},
        {"data": {"data": {"value": 7}}, "metadata": {"data_part_compat": true}}]}});
    assert_eq!(
        print_send_message_response(&SendMessageResponse::Message(message.clone())),
        printed
    );
    assert_eq!(print_stream_response(&StreamResponse::Message(message)), printed);
}

#[test]
fn an_event_is_named_by_its_member() {
    let artifact = json!({"artifactId": "a", "parts": [{"text": "x"}]});
    for (event, printed) in [
        (
            json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_CANCELED"}}}),
            json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_CANCELLED"},
                "final": true}}),
        ),
        (
            json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}}),
            json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"},
                "final": false}}),
        ),
        (
            json!({"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": artifact, "lastChunk": true}}),
            json!({"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": artifact, "lastChunk": true}}),
        ),
        (
            json!({"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}}),
            json!({"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}}),
        ),
    ] {
        let event = StreamResponse::from_value(&event).unwrap();
        assert_eq!(print_stream_response(&event), printed);
    }
}

#[test]
fn a_task_is_asked_for_by_path_and_query() {
    for (length, expected) in [("", None), ("0", None), ("2", Some(2))] {
        let mut members = query::members([("historyLength", length)]);
        members.insert("id".to_owned(), json!("t1"));
        let read = read_get_task(&Value::Object(members)).unwrap();
        assert_eq!((&*read.id, read.history_length), ("t1", expected));
    }
}
