//! Both directions against the bytes of the official Python SDK, and against a library that reads by the same descriptors.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use serde_json::json;

use super::*;

/// One message of `golden.txt`.
struct Golden {
    is_request: bool,
    method: Method,
    bytes: Vec<u8>,
    json: Value,
}

fn golden() -> Vec<Golden> {
    let lines = include_str!("golden.txt").lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap();
        Golden {
            is_request: word() == "request",
            method: Method::find(word()).unwrap(),
            bytes: hex::decode(word().trim_matches('-')).unwrap(),
            json: serde_json::from_str(word()).unwrap(),
        }
    };
    lines.map(read).collect()
}

fn method(name: &str) -> Method {
    Method::find(name).unwrap()
}

/// An encoded request.
fn request(method: &Method, json: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    method.write_request(json, &mut bytes).unwrap();
    bytes
}

/// A field that holds these bytes.
fn enclosed(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut out);
    encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A SendMessage whose message has these fields.
fn sent(message: &[u8]) -> Result<Value, &'static str> {
    method("SendMessage").read(&enclosed(2, message))
}

/// The data of a part that has this encoded `Value`.
fn data(value: &[u8]) -> Result<Value, &'static str> {
    let read = sent(&enclosed(5, &enclosed(4, value)))?;
    Ok(read["message"]["parts"][0]["data"].clone())
}

#[test]
fn requests_of_the_python_sdk_are_read_and_answers_are_written_as_it_writes_them() {
    let mut seen = BTreeSet::new();
    for Golden { is_request, method, bytes, json } in golden() {
        let name = method.0.name().to_owned();
        if is_request {
            assert_eq!(method.read(&bytes), Ok(json.clone()), "{name}");
            assert_eq!(request(&method, &json), bytes, "{name}");
        } else {
            let mut written = Vec::new();
            method.write(&json, &mut written).unwrap();
            assert_eq!(hex::encode(written), hex::encode(bytes), "{name}");
        }
        seen.insert(name);
    }
    assert_eq!(seen.len(), DESCRIPTOR.methods().len(), "{seen:?}");
}

/// What is read of a message that was cut or changed is what the library reads, too: a message, and no panic.
#[test]
fn nothing_is_read_that_a_protobuf_library_refuses() {
    for Golden { method, bytes, .. } in golden().into_iter().filter(|golden| golden.is_request) {
        let cut = (0..bytes.len()).map(|at| bytes[..at].to_vec());
        let changed = (0..bytes.len()).flat_map(|at| {
            [0x00, 0x01, 0x7f, 0x80, 0xff].map(|byte| {
                let mut changed = bytes.clone();
                changed[at] = byte;
                changed
            })
        });
        for hostile in cut.chain(changed) {
            let read = method.read(&hostile);
            let known = DynamicMessage::decode(method.0.input(), &*hostile);
            assert!(read.is_err() || known.is_ok(), "{}: {read:?}", hex::encode(&hostile));
        }
    }
}

#[test]
fn a_field_that_is_there_twice_is_merged_and_of_a_choice_the_last_one_counts() {
    let send = method("SendMessage");
    let one = json!({"message": {"messageId": "m1", "parts": [{"text": "a"}], "metadata": {"a": 1, "b": {"x": 1}}}});
    let two = json!({"message": {"role": "ROLE_USER", "parts": [{"text": "b"}], "metadata": {"b": {"y": 2}}}});
    let both = [request(&send, &one), request(&send, &two)].concat();
    let merged = json!({"message": {
        "messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "a"}, {"text": "b"}],
        "metadata": {"a": 1, "b": {"y": 2}},
    }});
    assert_eq!(send.read(&both), Ok(merged));

    let get = method("GetTask");
    let twice = |one, two| get.read(&[request(&get, &one), two].concat()).unwrap();
    assert_eq!(
        twice(json!({"id": "t1"}), request(&get, &json!({"id": "t2"}))),
        json!({"id": "t2"})
    );
    assert_eq!(twice(json!({"id": "t1"}), enclosed(2, b"")), json!({}), "empty says nothing");

    let part = [enclosed(1, b"text"), enclosed(3, b"https://a.example")].concat();
    let read = sent(&enclosed(5, &part)).unwrap();
    assert_eq!(read["message"]["parts"], json!([{"url": "https://a.example"}]));
}

#[test]
fn free_data_that_is_there_twice_is_merged_like_any_message() {
    let mut value = Vec::new();
    for json in [json!({"a": 1, "b": [1]}), json!({"b": [2]})] {
        write::write(&value_type(), &json, &mut value).unwrap();
    }
    assert_eq!(data(&value).unwrap(), json!({"a": 1, "b": [2]}));
    write::write(&value_type(), &json!([1]), &mut value).unwrap();
    write::write(&value_type(), &json!([2]), &mut value).unwrap();
    assert_eq!(data(&value).unwrap(), json!([1, 2]));
    assert_eq!(data(b"").unwrap(), Value::Null, "a value of no kind");
}

fn value_type() -> MessageDescriptor {
    DESCRIPTOR.parent_pool().get_message_by_name("google.protobuf.Value").unwrap()
}

#[test]
fn numbers_of_free_data_keep_what_a_double_can_hold() {
    for (json, again) in [
        ("0", "0"),
        ("-0.0", "-0.0"),
        ("7", "7"),
        ("7.0", "7"),
        ("-2.5", "-2.5"),
        ("1e300", "1e300"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740993", "9007199254740992.0"),
        ("123456789012345678901234567890", "1.2345678901234568e29"),
    ] {
        let json: Value = serde_json::from_str(json).unwrap();
        let mut value = Vec::new();
        write::write(&value_type(), &json, &mut value).unwrap();
        let again: Value = serde_json::from_str(again).unwrap();
        assert_eq!(data(&value).unwrap().as_f64(), again.as_f64(), "{json}");
        assert_eq!(data(&value).unwrap().is_i64(), again.is_i64(), "{json}");
    }
}

/// Caught: it made an answer unreadable, and with it each list that had its task, and the rest of a stream.
#[test]
fn a_number_beyond_all_doubles_is_written_as_its_digits() {
    for digits in ["1e+400", "-1e+400"] {
        let beyond: Value = serde_json::from_str(digits).unwrap();
        let mut value = Vec::new();
        write::write(&value_type(), &beyond, &mut value).unwrap();
        assert_eq!(data(&value), Ok(json!(beyond.to_string())));
    }
    let list = json!({"tasks": [{"id": "t1", "metadata": {
        "far": serde_json::from_str::<Value>("1e+400").unwrap(),
    }}]});
    assert!(method("ListTasks").write(&list, &mut Vec::new()).is_some());
}

#[test]
fn what_json_does_not_hold_is_refused_with_what_it_must_be() {
    let double = |double: f64| [&[0x11][..], &double.to_le_bytes()].concat();
    for not_finite in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(data(&double(not_finite)), Err("a finite number"));
    }
    for reserved in ["$serde_json::private::Number", "$serde_json::private::RawValue"] {
        let entry = enclosed(1, &enclosed(1, reserved.as_bytes()));
        assert_eq!(data(&enclosed(5, &entry)), Err("members whose names are not reserved"));
    }
    assert_eq!(sent(&enclosed(1, b"\xff")), Err("text in UTF-8"));
    let list = method("ListTasks");
    let minus_one = [&[0xff; 9][..], &[0x01]].concat();
    for time in [[&[0x08][..], &minus_one[..]].concat(), [&[0x10][..], &minus_one[..]].concat()] {
        assert_eq!(list.read(&enclosed(7, &time)), Err("one time since 1970"), "{time:?}");
    }
    let twice = [enclosed(7, &[0x08, 0x01]), enclosed(7, &[0x08, 0x01])].concat();
    assert_eq!(list.read(&twice), Err("one time since 1970"));
    for time in [[0x10, 0x01], [0x10, 0x02]] {
        let read = list.read(&enclosed(7, &time)).unwrap();
        assert_eq!(read["statusTimestampAfter"], "1970-01-01T00:00:00.001Z", "not before it");
    }
}

#[test]
fn messages_are_read_as_deep_as_protobuf_libraries_read_them_and_no_deeper() {
    let nested = |lists: usize| {
        let mut value = Vec::new();
        for _ in 0..lists {
            let item = if value.is_empty() { value } else { enclosed(1, &value) };
            value = enclosed(6, &item);
        }
        data(&value)
    };
    for lists in [1, 2, 48] {
        assert_eq!(proto_types::json::depth(&nested(lists).unwrap()), lists);
    }
    for lists in [49, 50, 2_000] {
        assert_eq!(nested(lists), Err("messages nested at most 100 deep"), "{lists}");
    }
}

#[test]
fn a_request_has_as_many_values_as_a_json_text_and_no_more() {
    // A part without anything takes two bytes; the message counts, too.
    let parts = |count: usize| sent(&[0x2a, 0x00].repeat(count));
    assert!(parts(99_999).is_ok());
    assert_eq!(parts(100_000), Err("at most 100000 values"));
    let nulls = [0x0a, 0x00].repeat(100_000);
    assert_eq!(data(&enclosed(6, &nulls)), Err("at most 100000 values"));
    // What nobody knows is passed over, and so costs nothing.
    assert!(sent(&[0x78, 0x01].repeat(200_000)).is_ok());
}

#[test]
fn numbers_of_an_enum_that_have_no_name_stay_numbers_and_zero_says_nothing() {
    for (number, role) in [(0, Value::Null), (1, json!("ROLE_USER")), (7, json!(7))] {
        let read = sent(&[0x20, number]).unwrap();
        assert_eq!(read["message"].get("role").cloned().unwrap_or_default(), role, "{number}");
    }
}

#[test]
fn an_answer_without_unknown_members_and_nulls_is_the_same_answer() {
    let cancel = method("CancelTask");
    let plain = json!({"id": "t1", "status": {"state": "TASK_STATE_CANCELED"}});
    let more = json!({
        "id": "t1", "status": {"state": "TASK_STATE_CANCELED", "message": null}, "kind": "task",
        "metadata": null,
    });
    let written = |json: &Value| {
        let mut out = Vec::new();
        cancel.write(json, &mut out).map(|()| out)
    };
    assert_eq!(written(&more), written(&plain));
    for wrong in [
        json!("t1"),
        json!({"id": 1}),
        json!({"status": {"state": "canceled"}}),
        json!({"artifacts": {}}),
        json!({"history": [{"parts": [{"raw": "?"}]}]}),
        json!({"metadata": []}),
    ] {
        assert_eq!(written(&wrong), None, "{wrong}");
    }
}

/// Reading and writing have no case for another kind, nor reading for a map.
#[test]
fn a2a_has_no_field_of_a_kind_that_is_not_transcoded() {
    for message in DESCRIPTOR.parent_pool().all_messages() {
        if message.package_name() != "lf.a2a.v1" {
            continue;
        }
        for field in message.fields() {
            let (kind, name) = (field.kind(), field.full_name().to_owned());
            let is_text = matches!(kind, Kind::String | Kind::Message(_));
            let is_scalar = matches!(kind, Kind::Bytes | Kind::Bool | Kind::Int32 | Kind::Enum(_));
            assert!(is_text || (is_scalar && !field.is_list()), "{name}");
            let is_told = matches!(kind, Kind::Enum(_)) && field.supports_presence();
            assert!(!is_told, "{name}: 0 would be said");
        }
    }
    let mut seen = BTreeSet::new();
    for method in DESCRIPTOR.methods() {
        check_no_maps(&method.input(), &mut seen);
    }
    assert!(seen.contains("lf.a2a.v1.Part"), "{seen:?}");
}

fn check_no_maps(message: &MessageDescriptor, seen: &mut BTreeSet<String>) {
    let is_ours = message.package_name() == "lf.a2a.v1";
    if !is_ours || !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        assert!(!field.is_map(), "{}", field.full_name());
        if let Kind::Message(inner) = field.kind() {
            check_no_maps(&inner, seen);
        }
    }
}
