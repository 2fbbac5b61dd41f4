//! JSON-RPC and the error table.

use serde_json::{Value, json};

use crate::a2a::A2aError;
use crate::a2a::error::{DOMAIN, bad_request};
use crate::a2a::rpc::{ErrorObject, Id, Refused, Request, Response};
use crate::schema::{Problem, SchemaError};

fn parse(value: &Value) -> Result<Request, Refused> {
    Request::parse(value.to_string().as_bytes())
}

#[test]
fn a_request_reads_as_it_was_printed() {
    for id in [json!("a"), json!(""), json!(7), json!(-1), json!(1.5), Value::Null] {
        let value = json!({"jsonrpc": "2.0", "id": id, "method": "GetTask", "params": {"id": "t"}});
        let request = parse(&value).unwrap();
        assert!(request.id.is_some());
        assert_eq!(serde_json::to_value(&request).unwrap(), value);
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
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        let answer = Response::ok(request.id.unwrap(), request.params.unwrap());
        let printed = serde_json::to_string(&answer).unwrap();
        assert!(printed.contains(&format!("\"id\":{number},")), "{printed}");
        assert_eq!(Response::parse(printed.as_bytes()).unwrap(), answer);
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
        let response = refused.response();
        assert_eq!(response.id, id);
        assert_eq!(response.outcome.unwrap_err().code, -32600);
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
        assert_eq!(refused.response().outcome.unwrap_err().code, -32600);
    }
    for text in ["{", "", r#"{"id":1,"id":2}"#, "{}x"] {
        let refused = Request::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(refused, Refused::NotJson(_)), "{text}");
        let response = serde_json::to_value(refused.response()).unwrap();
        assert_eq!((&response["id"], &response["error"]["code"]), (&Value::Null, &json!(-32700)));
    }
}

#[test]
fn a_response_has_a_result_or_an_error() {
    let ok = Response::ok(Id::from(1), Value::Null);
    let bad = Response::error(Id::from("x"), A2aError::TaskNotFound.object("no"));
    for response in [ok, bad] {
        let printed = serde_json::to_vec(&response).unwrap();
        assert_eq!(Response::parse(&printed).unwrap(), response);
    }
    for bad in [
        json!({"jsonrpc": "2.0", "id": 1}),
        json!({"jsonrpc": "2.0", "id": 1, "result": 1, "error": {"code": 1, "message": ""}}),
        json!({"jsonrpc": "2.0", "result": 1}),
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1e12, "message": ""}}),
        json!({"id": 1, "result": 1}),
    ] {
        assert!(Response::parse(bad.to_string().as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn every_error_has_the_codes_of_the_specification() {
    let a2a: Vec<_> = A2aError::all().take(9).map(A2aError::jsonrpc_code).collect();
    assert_eq!(a2a, (-32009..=-32001).rev().collect::<Vec<_>>());
    for error in A2aError::all() {
        assert_eq!(A2aError::from_jsonrpc_code(error.jsonrpc_code()), Some(error));
        let reason = error.reason();
        let is_upper_snake = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        assert!(reason.bytes().all(is_upper_snake) && !reason.ends_with("ERROR"), "{reason}");
    }
    for (error, reason, grpc, http) in [
        (A2aError::TaskNotFound, "TASK_NOT_FOUND", 5, 404),
        (A2aError::ContentTypeNotSupported, "CONTENT_TYPE_NOT_SUPPORTED", 3, 400),
        (A2aError::InvalidAgentResponse, "INVALID_AGENT_RESPONSE", 13, 500),
        (A2aError::VersionNotSupported, "VERSION_NOT_SUPPORTED", 9, 400),
    ] {
        let found = (error.reason(), error.grpc_status().code, error.http_status());
        assert_eq!(found, (reason, grpc, http));
    }
}

#[test]
fn an_error_carries_its_info_and_its_violations() {
    let fault = SchemaError { path: "/message/parts".to_owned(), problem: Problem::Missing };
    let ErrorObject { code, data, .. } =
        A2aError::InvalidParams.with_faults(std::slice::from_ref(&fault));
    assert_eq!(code, -32602);
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "INVALID_PARAMS", "domain": DOMAIN});
    assert_eq!(data, Some(json!([info, bad_request(std::slice::from_ref(&fault))])));
    assert_eq!(
        bad_request(&[fault])["fieldViolations"],
        json!([{"field": "message.parts", "description": "is required"}])
    );
    let info = A2aError::TaskNotFound.info(&[("taskId", "t")]);
    assert_eq!(info["metadata"], json!({"taskId": "t"}));
    let body = A2aError::TaskNotFound.rest_body("no", vec![info.clone()]);
    let expected = json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "no",
        "details": [info]}});
    assert_eq!(body, expected);
}
