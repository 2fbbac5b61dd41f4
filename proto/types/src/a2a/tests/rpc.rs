//! JSON-RPC and the error table.

use serde_json::{Value, json};

use crate::a2a::A2aError;
use crate::a2a::error::{DOMAIN, TABLE, bad_request};
use crate::a2a::rpc::{ErrorObject, Id, Refused, Request, Response};
use crate::schema::{Problem, SchemaError};

fn parse(value: &Value) -> Result<Request, Refused> {
    Request::parse(value.to_string().as_bytes())
}

#[test]
fn a_request_is_read_with_its_id_and_its_parameters() {
    for id in [json!("a"), json!(""), json!(7), json!(-1), json!(1.5), Value::Null] {
        let value = json!({"jsonrpc": "2.0", "id": id, "method": "GetTask", "params": {"id": "t"}});
        let request = parse(&value).unwrap();
        assert_eq!(serde_json::to_value(request.id.unwrap()).unwrap(), id);
        assert_eq!(request.method, "GetTask");
        assert_eq!(request.params, Some(json!({"id": "t"})));
    }
    let notification = parse(&json!({"jsonrpc": "2.0", "method": "x", "extra": 1})).unwrap();
    assert_eq!(notification, Request { id: None, method: "x".to_owned(), params: None });
}

#[test]
fn the_numbers_of_a_call_are_carried_as_they_were_written() {
    for number in ["9007199254740993", "18446744073709551616", "-1e+400", "1.0", "0.10"] {
        let text = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{number},\"method\":\"m\",\"params\":{{\"n\":[{number}]}}}}"
        );
        let request = Request::parse(text.as_bytes()).unwrap();
        let answer = Response::ok(request.id.unwrap(), request.params.unwrap());
        let expected =
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{number},\"result\":{{\"n\":[{number}]}}}}");
        assert_eq!(serde_json::to_string(&answer).unwrap(), expected);
    }
}

#[test]
fn what_is_no_request_is_refused_with_all_faults_and_its_id() {
    for (value, id, expected) in [
        (json!({"id": 1}), Id::from(1), vec!["/jsonrpc", "/method"]),
        (
            json!({"jsonrpc": "1.0", "id": "x", "method": "", "params": 1}),
            Id::from("x"),
            vec!["/jsonrpc", "/method", "/params"],
        ),
        (json!({"jsonrpc": "2.0", "id": [1], "method": "m"}), Id::Null, vec!["/id"]),
        (json!({"jsonrpc": "2.0", "id": true, "method": "m"}), Id::Null, vec!["/id"]),
        (json!("text"), Id::Null, vec![""]),
    ] {
        let refused = parse(&value).unwrap_err();
        let Refused::Invalid { id: found, faults } = &refused else { panic!("{refused}") };
        assert_eq!(*found, id, "{value}");
        let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, expected, "{value}");
    }
}

#[test]
fn an_id_has_at_most_1024_characters() {
    for (longest, longer) in [
        (format!("\"{}\"", "é".repeat(1_024)), format!("\"{}\"", "é".repeat(1_025))),
        ("9".repeat(1_024), "9".repeat(1_025)),
    ] {
        let call = |id: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"m\"}}");
        assert!(Request::parse(call(&longest).as_bytes()).is_ok());
        let refused = Request::parse(call(&longer).as_bytes()).unwrap_err();
        let Refused::Invalid { faults, .. } = &refused else { panic!("{refused}") };
        assert_eq!(faults[0].path, "/id");
    }
}

#[test]
fn a_batch_is_refused_as_such_and_what_is_not_json_as_such() {
    for batch in ["[]", r#"[{"jsonrpc":"2.0","id":1,"method":"m"}]"#] {
        let refused = Request::parse(batch.as_bytes()).unwrap_err();
        assert_eq!(refused, Refused::Batch);
    }
    for text in ["{", "", r#"{"id":1,"id":2}"#, "{}x"] {
        let refused = Request::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(refused, Refused::NotJson(_)), "{text}");
    }
}

#[test]
fn a_response_has_a_result_or_an_error() {
    let ok = Response::ok(Id::from(1), Value::Null);
    let printed = json!({"jsonrpc": "2.0", "id": 1, "result": null});
    assert_eq!(serde_json::to_value(ok).unwrap(), printed);
    let error = ErrorObject { code: -32001, message: "no".to_owned(), data: None };
    let bad = Response::error(Id::from("x"), error);
    let printed = json!({"jsonrpc": "2.0", "id": "x", "error": {"code": -32001, "message": "no"}});
    assert_eq!(serde_json::to_value(bad).unwrap(), printed);
}

#[test]
fn every_error_has_the_code_and_reason_of_the_specification() {
    let a2a: Vec<_> = TABLE.iter().take(9).map(|row| row.0.jsonrpc_code()).collect();
    assert_eq!(a2a, (-32009..=-32001).rev().collect::<Vec<_>>());
    for (error, code, reason) in TABLE {
        assert_eq!((error.jsonrpc_code(), error.reason()), (code, reason));
        let is_upper_snake = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        assert!(reason.bytes().all(is_upper_snake) && !reason.ends_with("ERROR"), "{reason}");
    }
    assert_eq!(A2aError::TaskNotFound.reason(), "TASK_NOT_FOUND");
    assert_eq!(A2aError::VersionNotSupported.reason(), "VERSION_NOT_SUPPORTED");
}

#[test]
fn an_error_carries_its_info_and_its_violations() {
    let fault = SchemaError { path: "/message/parts".to_owned(), problem: Problem::Missing };
    assert_eq!(
        bad_request(&[fault])["fieldViolations"],
        json!([{"field": "message.parts", "description": "is required"}])
    );
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "TASK_NOT_FOUND", "domain": DOMAIN, "metadata": {"taskId": "t"}});
    assert_eq!(A2aError::TaskNotFound.info(&[("taskId", "t")]), info);
}

#[test]
fn an_answer_has_either_a_result_or_an_error() {
    let read = |value: &Value| Response::parse(value.to_string().as_bytes());
    let good = json!({"jsonrpc": "2.0", "id": 1, "result": {"id": "t"}, "error": null});
    assert_eq!(read(&good), Ok(Response::ok(Id::from(1), json!({"id": "t"}))));
    // The Python SDK says that there is no data.
    let error = json!({"code": -32001, "message": "no", "data": null});
    let bad = json!({"jsonrpc": "2.0", "id": null, "error": error});
    let error = ErrorObject { code: -32001, message: "no".to_owned(), data: None };
    assert_eq!(read(&bad), Ok(Response::error(Id::Null, error)));
    for (value, place) in [
        (json!({"jsonrpc": "2.0", "id": 1}), ""),
        (json!({"jsonrpc": "2.0", "id": 1, "result": 1, "error": {"code": 1}}), ""),
        (json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1_u64 << 40}}), "/error/code"),
        (json!({"id": 1, "result": {}}), "/jsonrpc"),
    ] {
        let Err(Refused::Invalid { faults, .. }) = read(&value) else { panic!("{value}") };
        assert_eq!(faults[0].path, place, "{value}");
    }
}

#[test]
fn an_error_is_known_by_its_code_and_by_each_of_its_names() {
    for (error, code, reason) in TABLE {
        assert_eq!(A2aError::from_code(code), Some(error));
        assert_eq!(A2aError::named(reason), Some(error));
    }
    for name in
        ["TaskNotFoundError", "TASK_NOT_FOUND", "https://a2a-protocol.org/errors/task-not-found"]
    {
        assert_eq!(A2aError::named(name), Some(A2aError::TaskNotFound), "{name}");
    }
    assert_eq!((A2aError::named(""), A2aError::named("about:blank")), (None, None));
    assert_eq!(A2aError::from_code(-32000), None);
}
