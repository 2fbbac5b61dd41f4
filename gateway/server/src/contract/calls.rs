//! A2A calls: over JSON-RPC, where the body says the method, and over HTTP+JSON, where the path does.
//!
//! Decides which message of A2A each operation takes and is answered with. Must never describe an operation as served that the
//! route refuses.

use gateway_core::http_json::Endpoint;
use prost_reflect::{FieldDescriptor, MethodDescriptor};
use proto_types::a2a::{Method, ProtocolVersion};
use serde_json::{Map, Value, json};

use super::operation::{ANSWERED, Access, LIMITS, Operation, events};
use super::parameters::{history_length, in_path, named, names_in, of_fields};
use super::paths::Line;
use super::{A2A_JSON, JSON, messages, reference, refusals};

/// What may stand in a header of each call beside the version.
const CALL_HEADERS: [&str; 2] = ["A2A-Extensions", "traceparent"];

/// All that 0.3 answers with over JSON-RPC.
const OLDER_RESULTS: [&str; 6] = [
    "TaskV03",
    "MessageV03",
    "TaskStatusUpdateEventV03",
    "TaskArtifactUpdateEventV03",
    "TaskPushNotificationConfigV03",
    "AgentCardV03",
];

/// An endpoint of JSON-RPC.
pub(super) fn json_rpc(line: &Line, about: &str) -> Operation {
    let id = format!("callJsonRpc{}", line.suffix);
    let answer = [(JSON, reference("schemas", "JsonRpcAnswer")), events(&["JsonRpcAnswer"])];
    let said = "The answer or a refusal of the call itself; of a method that streams, its events.";
    Operation::new(id, "calls", about, &refusals::JSON_RPC)
        .access(Access::Caller)
        .takes(in_path(&line.path))
        .takes(named(["A2A-Version", "Last-Event-ID"]))
        .takes(named(CALL_HEADERS))
        .body(&[JSON, A2A_JSON], &reference("schemas", "JsonRpcCall"), true)
        .gives("200", said, &answer, ANSWERED)
        .gives("204", "The call has no `id`: nobody hears what becomes of it.", &[], LIMITS)
}

/// An operation over HTTP+JSON.
pub(super) fn http_json(line: &Line, endpoint: &Endpoint) -> Operation {
    let served = endpoint.operation(line.read_as);
    let rpc = messages::operation(served.map_or(UNSERVED, |operation| operation.name()));
    let is_older = endpoint.version == ProtocolVersion::V03;
    let (version, refused_with) = match is_older {
        true => ("A2A-Version-0.3", &refusals::HTTP_JSON_V03),
        false => ("A2A-Version-1.0", &refusals::HTTP_JSON),
    };
    let about = about(&rpc, served.is_ok());
    let operation = Operation::new(id_of(line, &rpc), "http-json", about, refused_with)
        .access(Access::Caller)
        .takes(in_path(&line.path))
        .takes(named([version]))
        .takes(named(CALL_HEADERS));
    let operation = match rpc.name() {
        "SubscribeToTask" => operation.takes(named(["Last-Event-ID"])),
        _ => operation,
    };
    let needs_body = endpoint.needs_body();
    let operation = match is_older {
        true => takes_older(operation, line, &rpc, needs_body),
        false => takes(operation, line, &rpc, needs_body),
    };
    match (served, is_older) {
        (Err(_), _) => operation,
        (Ok(_), true) => gives_older(operation, &rpc),
        (Ok(_), false) => gives(operation, &rpc),
    }
}

/// The one operation of which a version has the path and no more.
const UNSERVED: &str = "ListTasks";

fn about(rpc: &MethodDescriptor, served: bool) -> String {
    let name = rpc.name();
    match served {
        true => format!("`{name}` of A2A."),
        false => {
            format!("`{name}` of A2A. It is not served in this version: each call is refused.")
        }
    }
}

/// What a call of 1.0 takes beside its path: in a body, or in the query where there is none.
fn takes(operation: Operation, line: &Line, rpc: &MethodDescriptor, needs_body: bool) -> Operation {
    let message = rpc.input();
    let fields: Vec<FieldDescriptor> = message
        .fields()
        .filter(|field| names_in(&line.path).all(|name| name != field.json_name()))
        .collect();
    if line.method != "POST" {
        return operation.takes(of_fields(&message, &fields));
    }
    let schema = match names_in(&line.path).any(|name| name != "agent") {
        true => messages::object(&message, &fields),
        false => messages::of(&message),
    };
    let needs_body = needs_body || schema.get("required").is_some();
    operation.body(&[JSON, A2A_JSON], &schema, needs_body)
}

fn gives(operation: Operation, rpc: &MethodDescriptor) -> Operation {
    let output = rpc.output();
    if rpc.is_server_streaming() {
        let events = events(&[output.name(), "HttpJsonError"]);
        return operation.gives("200", "The events of the task.", &[events], ANSWERED);
    }
    let answer = messages::of(&output);
    operation.gives("200", "The answer.", &[(JSON, answer.clone()), (A2A_JSON, answer)], ANSWERED)
}

/// The same in 0.3, whose messages are written down.
fn takes_older(
    operation: Operation,
    line: &Line,
    rpc: &MethodDescriptor,
    needs_body: bool,
) -> Operation {
    let body = |name| Some(reference("schemas", name));
    let body = match rpc.name() {
        "GetTask" => return operation.takes([history_length()]),
        _ if line.method != "POST" => None,
        "SendMessage" | "SendStreamingMessage" => body("SendMessageRequestV03HttpJson"),
        "CreateTaskPushNotificationConfig" => body("TaskPushNotificationConfigV03HttpJson"),
        _ => Some(json!({ "type": "object" })),
    };
    let needs_body = needs_body || rpc.name() == "CreateTaskPushNotificationConfig";
    match body {
        Some(schema) => operation.body(&[JSON, A2A_JSON], &schema, needs_body),
        None => operation,
    }
}

fn gives_older(operation: Operation, rpc: &MethodDescriptor) -> Operation {
    if rpc.is_server_streaming() {
        let events = events(&["StreamResponseV03HttpJson", "HttpJsonErrorV03"]);
        return operation.gives("200", "The events of the task.", &[events], LIMITS);
    }
    let config = reference("schemas", "TaskPushNotificationConfigV03HttpJson");
    let answer = match rpc.name() {
        "SendMessage" => reference("schemas", "SendMessageResponseV03HttpJson"),
        "GetTask" | "CancelTask" => reference("schemas", "TaskV03HttpJson"),
        "GetExtendedAgentCard" => reference("schemas", "AgentCardV03"),
        "ListTaskPushNotificationConfigs" => json!({
            "type": "object",
            "required": ["configs"],
            "properties": { "configs": { "type": "array", "items": config } },
        }),
        "CreateTaskPushNotificationConfig" | "GetTaskPushNotificationConfig" => config,
        _ => json!({ "type": "object", "maxProperties": 0 }),
    };
    operation.gives("200", "The answer.", &[(JSON, answer)], LIMITS)
}

/// The schemas of JSON-RPC, made of the operations of A2A.
pub(super) fn schemas() -> Map<String, Value> {
    let answer = json!({
        "description": "The answer to a call: its result, or why there is none.",
        "oneOf": [reference("schemas", "JsonRpcResult"), reference("schemas", "JsonRpcError")],
    });
    let schemas = [
        ("JsonRpcCall", json_rpc_call()),
        ("JsonRpcResult", json_rpc_result()),
        ("JsonRpcAnswer", answer),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// One call: each method of both versions with its parameters.
fn json_rpc_call() -> Value {
    let mut calls = Vec::new();
    for rpc in messages::operations() {
        let Some((method, _)) = Method::parse(rpc.name()) else { continue };
        let input = rpc.input();
        let has_required =
            !messages::object(&input, &input.fields().collect::<Vec<_>>())["required"].is_null();
        calls.push(call_of(rpc.name(), Some(&messages::of(&input)), has_required));
        if let Some(older) = method.name(ProtocolVersion::V03) {
            let params = older_params(method).map(|name| reference("schemas", name));
            calls.push(call_of(older, params.as_ref(), params.is_some()));
        }
    }
    json!({
        "description": "One call in JSON-RPC 2.0; batches are refused. The names of methods say their version, which \
                        `A2A-Version` states. Without `id` it is a notification, which nobody answers.",
        "oneOf": calls,
    })
}

fn call_of(method: &str, params: Option<&Value>, needs_params: bool) -> Value {
    let mut call = json!({
        "title": method,
        "type": "object",
        "required": ["jsonrpc", "id", "method"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": reference("schemas", "JsonRpcId"),
            "method": { "const": method },
            "params": params.cloned().unwrap_or_else(|| json!({ "type": "object" })),
        },
    });
    if needs_params {
        call["required"] = json!(["jsonrpc", "id", "method", "params"]);
    }
    call
}

/// The parameters of a method of 0.3, if it has some.
const fn older_params(method: Method) -> Option<&'static str> {
    match method {
        Method::SendMessage | Method::SendStreamingMessage => Some("MessageSendParamsV03"),
        Method::GetTask => Some("TaskQueryParamsV03"),
        Method::CancelTask | Method::SubscribeToTask => Some("TaskIdParamsV03"),
        Method::CreateTaskPushNotificationConfig => Some("TaskPushNotificationConfigV03"),
        Method::GetTaskPushNotificationConfig
        | Method::ListTaskPushNotificationConfigs
        | Method::DeleteTaskPushNotificationConfig => Some("PushNotificationConfigParamsV03"),
        Method::ListTasks | Method::GetExtendedAgentCard => None,
    }
}

fn json_rpc_result() -> Value {
    let mut results: Vec<Value> = Vec::new();
    for rpc in messages::operations() {
        let result = messages::of(&rpc.output());
        if !results.contains(&result) {
            results.push(result);
        }
    }
    results.extend(OLDER_RESULTS.map(|name| reference("schemas", name)));
    let of_task = reference("schemas", "TaskPushNotificationConfigV03");
    results.extend([json!({ "type": "array", "items": of_task }), json!({ "type": "null" })]);
    json!({
        "description": "What a method is answered with, in the version of the call.",
        "type": "object",
        "required": ["jsonrpc", "id", "result"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": reference("schemas", "JsonRpcId"),
            "result": { "anyOf": results },
        },
    })
}

/// A subscription is made with either method.
fn id_of(line: &Line, rpc: &MethodDescriptor) -> String {
    let (first, rest) = rpc.name().split_at(rpc.name().len().min(1));
    let by = if (rpc.name(), line.method) == ("SubscribeToTask", "GET") { "ByGet" } else { "" };
    format!("{}{rest}{by}{}", first.to_ascii_lowercase(), line.suffix)
}
