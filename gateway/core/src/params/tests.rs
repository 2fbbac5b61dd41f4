//! Which parameters are read, and what is said about those that are not.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn faults(params: Value) -> Vec<String> {
    let found = Send::parse(&params).unwrap_err();
    found.as_slice().iter().map(|fault| fault.path.clone()).collect()
}

fn with_message(change: impl FnOnce(&mut Value)) -> Value {
    let mut params = json!({"message": {
        "messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}],
    }});
    change(&mut params["message"]);
    params
}

#[test]
fn a_message_is_read_in_both_spellings_and_printed_in_one() {
    let params = json!({
        "tenant": "echo",
        "message": {
            "message_id": "m1", "role": "ROLE_USER", "context_id": "c1", "task_id": "",
            "parts": [
                {"text": "hello", "media_type": "text/plain", "unknown": 1},
                {"raw": "__8", "filename": "f"}, {"data": {"k": [1]}}, {"url": "https://a.example/f"},
            ],
            "reference_task_ids": ["t0"], "metadata": {"k": 1},
        },
        "configuration": {"history_length": 3.0, "return_immediately": true, "acceptedOutputModes": ["text/plain"]},
    });
    let send = Send::parse(&params).unwrap();
    assert_eq!(
        send.message,
        json!({
            "messageId": "m1", "role": "ROLE_USER",
            "parts": [
                {"text": "hello", "mediaType": "text/plain"}, {"raw": "//8=", "filename": "f"},
                {"data": {"k": [1]}}, {"url": "https://a.example/f"},
            ],
            "referenceTaskIds": ["t0"], "metadata": {"k": 1},
        })
    );
    assert_eq!(send.context.unwrap().as_str(), "c1");
    assert_eq!((send.task, send.history_length, send.return_immediately), (None, Some(3), true));
    assert_eq!((send.tenant.as_deref(), send.wants_push), (Some("echo"), false));
}

#[test]
fn each_fault_is_named_with_its_place() {
    for (params, expected) in [
        (json!([]), vec!["params"]),
        (json!({}), vec!["message"]),
        (json!({"message": 1}), vec!["message"]),
        (json!({"message": {}}), vec!["message.messageId", "message.role", "message.parts"]),
        (with_message(|m| m["messageId"] = json!(1)), vec!["message.messageId"]),
        (with_message(|m| m["messageId"] = json!("")), vec!["message.messageId"]),
        (with_message(|m| m["messageId"] = json!("m".repeat(257))), vec!["message.messageId"]),
        (with_message(|m| m["message_id"] = json!("m2")), vec!["message.messageId"]),
        (with_message(|m| m["role"] = json!("ROLE_AGENT")), vec!["message.role"]),
        (with_message(|m| m["role"] = json!("user")), vec!["message.role"]),
        (with_message(|m| m["role"] = json!(1)), vec!["message.role"]),
        (with_message(|m| m["parts"] = json!([])), vec!["message.parts"]),
        (with_message(|m| m["parts"] = json!({})), vec!["message.parts"]),
        (
            with_message(|m| m["parts"] = json!(vec![json!({"text": ""}); 257])),
            vec!["message.parts"],
        ),
        (with_message(|m| m["parts"] = json!([1])), vec!["message.parts[0]"]),
        (with_message(|m| m["parts"] = json!([{"text": "a"}, {}])), vec!["message.parts[1].text"]),
        (with_message(|m| m["parts"][0]["url"] = json!("u")), vec!["message.parts[0].url"]),
        (with_message(|m| m["parts"][0]["text"] = json!(7)), vec!["message.parts[0].text"]),
        (with_message(|m| m["parts"][0] = json!({"raw": "?"})), vec!["message.parts[0].raw"]),
        (with_message(|m| m["parts"][0] = json!({"url": ""})), vec!["message.parts[0].url"]),
        (
            with_message(|m| m["parts"][0]["metadata"] = json!([])),
            vec!["message.parts[0].metadata"],
        ),
        (with_message(|m| m["contextId"] = json!("c d")), vec!["message.contextId"]),
        (with_message(|m| m["taskId"] = json!("t".repeat(129))), vec!["message.taskId"]),
        (with_message(|m| m["extensions"] = json!(["u", 1])), vec!["message.extensions[1]"]),
        (with_message(|m| m["metadata"] = json!("x")), vec!["message.metadata"]),
    ] {
        assert_eq!(faults(params.clone()), expected, "{params}");
    }
}

#[test]
fn each_fault_of_the_configuration_is_named_with_its_place() {
    for (configuration, expected) in [
        (json!([]), "configuration"),
        (json!({"historyLength": -1}), "configuration.historyLength"),
        (json!({"historyLength": 1.5}), "configuration.historyLength"),
        (json!({"historyLength": 1e10}), "configuration.historyLength"),
        (json!({"returnImmediately": "yes"}), "configuration.returnImmediately"),
        (json!({"acceptedOutputModes": "text"}), "configuration.acceptedOutputModes"),
        (json!({"acceptedOutputModes": [""]}), "configuration.acceptedOutputModes[0]"),
        (json!({"taskPushNotificationConfig": 1}), "configuration.taskPushNotificationConfig"),
    ] {
        let mut params = with_message(|_| ());
        params["configuration"] = configuration;
        assert_eq!(faults(params.clone()), [expected], "{params}");
    }
}

#[test]
fn a_task_is_named_by_its_id() {
    let named = Named::parse(&json!({"id": "t1", "history_length": "2"})).unwrap();
    assert_eq!(named.task.unwrap().as_str(), "t1");
    assert_eq!(named.history_length, Some(2));
    // No task has such a name, but nothing is wrong with asking for it.
    assert_eq!(Named::parse(&json!({"id": "täsk"})).unwrap().task, None);
    for bad in [json!({}), json!({"id": ""}), json!({"id": 7}), json!(null), json!("t1")] {
        assert!(Named::parse(&bad).is_err(), "{bad}");
    }
}

/// Any JSON value of moderate size, with the member names that the readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "message",
        "messageId",
        "message_id",
        "role",
        "parts",
        "text",
        "raw",
        "url",
        "data",
        "metadata",
        "configuration",
        "historyLength",
        "tenant",
        "id",
        "taskId",
        "contextId",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_panics_and_what_is_read_reads_again(params in any_json()) {
        let _ = Named::parse(&params);
        if let Ok(send) = Send::parse(&params) {
            let again = Send::parse(&json!({"message": send.message})).unwrap();
            prop_assert_eq!(again.message, send.message);
        }
    }
}
