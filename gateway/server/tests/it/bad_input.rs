//! Bad input at every endpoint: status and code, by table. Nothing of it costs a token or a task.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{PATIENCE, Peer, SUBSCRIBER, World, json_of, message, rpc};

const PUBLISH: &str = "/v1/publish";
const RPC: &str = "/agents/echo";

/// A request in words: method, path, headers, body.
fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_path_or_method_answers_is_refused_by_name() {
    let world = World::start().await;
    for (method, path, status, code) in [
        ("GET", "/", 404, "not-found"),
        ("GET", "/agents/absent/.well-known/agent-card.json", 404, "not-found"),
        ("GET", "/agents/echo/../../metrics", 400, "path-ambiguous"),
        ("GET", "/agents/..%2fmetrics", 400, "path-ambiguous"),
        ("GET", "//metrics", 400, "path-ambiguous"),
        ("GET", "/metrics;x", 400, "path-ambiguous"),
        ("POST", "/metrics", 405, "method-not-allowed"),
        ("DELETE", "/readyz", 405, "method-not-allowed"),
        ("POST", "/.well-known/agent-card.json", 405, "method-not-allowed"),
        ("POST", "/.well-known/hive-mesh.json", 405, "method-not-allowed"),
        ("GET", PUBLISH, 405, "method-not-allowed"),
        ("PUT", "/api/mesh/wan/ingress", 405, "method-not-allowed"),
        ("POST", "/v1/envelopes/urn:a:b", 405, "method-not-allowed"),
        ("GET", "/v1/envelopes/urn:a:b/ack", 405, "method-not-allowed"),
    ] {
        let response = world.gateway.send(request(method, path, &[], "")).await;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(json_of(&response)["code"], code, "{method} {path}");
        assert_eq!(response.headers().contains_key("allow"), status == 405);
    }
    // Callers of A2A read JSON-RPC only.
    let response = world.gateway.get(RPC).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let detail = &json_of(&response)["error"]["data"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert_eq!(detail["metadata"]["code"], "method-not-allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_fit_is_refused_before_the_body_is_read() {
    let world = World::start().await;
    let token = format!("Bearer {}", world.gateway.token(&Peer::new("a", 1)));
    let good = [("content-type", "application/json"), ("authorization", token.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&good[..], more].concat();
    for path in [PUBLISH, RPC, "/v1/a2a/jsonrpc", "/api/a2a/jsonrpc", "/api/mesh/wan/ingress"] {
        for (headers, body, status, code) in [
            (vec![good[0]], "{}", 401, "unauthenticated"),
            (vec![good[0], ("authorization", "Basic YTpi")], "{}", 401, "unauthenticated"),
            (vec![good[0], ("authorization", "Bearer junk")], "{}", 401, "unauthenticated"),
            (with(&[("x-hive-federation-jwt", "junk")]), "{}", 400, "credential-ambiguous"),
            (with(&[("authorization", "Bearer junk")]), "{}", 400, "credential-ambiguous"),
            (vec![good[0], ("x_hive_federation_jwt", "a")], "{}", 400, "framing-ambiguous"),
            (vec![good[1]], "{}", 415, "unsupported-media-type"),
            (vec![("content-type", "text/plain"), good[1]], "{}", 415, "unsupported-media-type"),
            (with(&[("content-encoding", "gzip")]), "{}", 415, "unsupported-media-type"),
            (with(&[("content-encoding", "identity, gzip")]), "{}", 415, "unsupported-media-type"),
        ] {
            let response = world.gateway.send(request("POST", path, &headers, body)).await;
            let reply = json_of(&response);
            assert_eq!(response.status().as_u16(), status, "{path} {headers:?}: {reply}");
            let said = reply.get("code").or(reply["error"]["data"][0]["metadata"].get("code"));
            assert_eq!(said, Some(&json!(code)), "{path} {headers:?}: {reply}");
        }
    }
}

/// The head alone is sent: the refusal may not wait for a body that is not wanted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_whose_stated_length_is_too_large_is_refused_at_its_head() {
    let world = World::start().await;
    for path in [PUBLISH, RPC, "/api/mesh/wan/ingress"] {
        let token = world.gateway.token(&Peer::new("a", 1));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            (1 << 20) + 1
        );
        let mut stream = TcpStream::connect(world.gateway.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut line = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut line)).await.unwrap().unwrap();
        assert_eq!(&line, b"HTTP/1.1 413", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_beyond_its_limit_is_refused_also_when_no_length_is_stated() {
    let world = World::start().await;
    let mut request = world.gateway.request(&Peer::new("a", 1), PUBLISH, "");
    // Little more than the limit: what a client still writes after the refusal must fit its socket.
    let pieces = (0..1026).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024]));
    *request.body_mut() = Body::from_stream(tokio_stream::iter(pieces));
    let response = world.gateway.send(request).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_none_is_refused_by_name() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let deep = "[".repeat(10_000);
    let call = |method: &str, params: Value| rpc(method, params).to_string();
    for (path, body, status, code, name) in [
        (RPC, "", 200, -32700, "malformed-json"),
        (RPC, "{", 200, -32700, "malformed-json"),
        (RPC, &deep, 200, -32700, "malformed-json"),
        (RPC, r#"{"id":1,"\u0069d":2}"#, 200, -32700, "malformed-json"),
        (RPC, "[]", 200, -32600, "request-invalid"),
        (RPC, r#"{"jsonrpc":"2.0","method":1}"#, 200, -32600, "request-invalid"),
        (RPC, &call("NoSuchMethod", json!({})), 200, -32601, "method-unknown"),
        (RPC, &call("message/send", json!({})), 200, -32601, "method-legacy"),
        (RPC, &call("ListTasks", json!({"pageSize": 101})), 200, -32602, "params-invalid"),
        (RPC, &call("ListTasks", json!({"pageToken": "none"})), 200, -32602, "params-invalid"),
        (RPC, &call("CreateTaskPushNotificationConfig", json!({})), 200, -32602, "params-invalid"),
        (
            RPC,
            &call("ListTaskPushNotificationConfigs", json!({"taskId": "t"})),
            200,
            -32001,
            "task-not-found",
        ),
        (RPC, &call("GetTask", json!({})), 200, -32602, "params-invalid"),
        (RPC, &call("GetTask", json!({"id": "t"})), 200, -32001, "task-not-found"),
        (RPC, &call("SubscribeToTask", json!({"id": "t"})), 200, -32001, "task-not-found"),
        (RPC, &call("SubscribeToTask", json!({})), 200, -32602, "params-invalid"),
        (RPC, &call("CancelTask", json!({"id": "t"})), 200, -32001, "task-not-found"),
        (RPC, &call("SendMessage", json!({})), 200, -32602, "params-invalid"),
        (RPC, &call("SendStreamingMessage", json!({"message": 1})), 200, -32602, "params-invalid"),
        ("/v1/a2a/jsonrpc", &call("SendMessage", message("hi")), 200, -32602, "params-invalid"),
        ("/agents/absent", &call("SendMessage", message("hi")), 404, -32042, "not-found"),
    ] {
        let response = world.gateway.post(&peer, path, body).await;
        let reply = json_of(&response);
        assert_eq!(response.status().as_u16(), status, "{path} {reply}");
        assert_eq!(reply["error"]["code"], code, "{path} {reply}");
        assert_eq!(reply["error"]["data"][0]["metadata"]["code"], name, "{path} {reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_parameters_are_named_and_cost_no_token() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let mut params = message("hi");
    params["message"]["parts"][0] = json!({"text": "a", "url": "b"});
    params["tenant"] = json!("another");
    let mut request = world.gateway.request(&peer, RPC, &rpc("SendMessage", params).to_string());
    let credential = request.headers()["authorization"].clone();
    let reply = json_of(&world.gateway.send(request).await);
    assert_eq!(reply["id"], "call-1");
    let field = &reply["error"]["data"][1]["fieldViolations"][0]["field"];
    assert_eq!(field, "message.parts[0]");
    // The same token, now with a call that is in order.
    request = world.gateway.request(&peer, RPC, &rpc("GetTask", json!({"id": "t"})).to_string());
    request.headers_mut().insert("authorization", credential);
    let reply = json_of(&world.gateway.send(request).await);
    assert_eq!(reply["error"]["code"], -32001, "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_of_1_0_is_served_under_version_1_0_alone() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let body = rpc("GetTask", json!({"id": "t"})).to_string();
    for (version, query, code) in [
        (None, "", -32009),
        (Some("0.3"), "", -32009),
        (Some("2.0"), "", -32009),
        (Some(""), "?A2A-Version=1.0", -32009),
        (Some("1.0"), "", -32001),
        (Some("1.0.1"), "", -32001),
        (None, "?A2A-Version=1.0", -32001),
        (None, "?A2A-Version=1%2E0", -32001),
        (None, "?x=y&A2A%2DVersion=1.0.1", -32001),
        (Some("1.0"), "?A2A-Version=1.0", -32001),
        (Some("1.0"), "?A2A-Version=0.3", -32009),
        (None, "?A2A-Version=1.0&A2A-Version=0.3", -32009),
    ] {
        let mut request = world.gateway.request(&peer, &format!("{RPC}{query}"), &body);
        request.headers_mut().remove("a2a-version");
        if let Some(version) = version {
            request.headers_mut().insert("a2a-version", version.parse().unwrap());
        }
        let reply = json_of(&world.gateway.send(request).await);
        assert_eq!(reply["error"]["code"], code, "{version:?} {query}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_differ_are_refused_in_either_order() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let body = rpc("GetTask", json!({"id": "t"})).to_string();
    for (first, second, code) in [
        ("1.0", "0.3", "version-conflicting"),
        ("0.3", "1.0", "version-conflicting"),
        ("1.0", "1.0.1", "task-not-found"),
    ] {
        let mut request = world.gateway.request(&peer, RPC, &body);
        request.headers_mut().insert("a2a-version", first.parse().unwrap());
        request.headers_mut().append("a2a-version", second.parse().unwrap());
        let reply = json_of(&world.gateway.send(request).await);
        assert_eq!(
            reply["error"]["data"][0]["metadata"]["code"], code,
            "{first} {second}: {reply}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_that_is_none_is_refused_with_its_faults() {
    let world = World::start().await;
    let peer = Peer::new("a", 1);
    let good = json!({"v": 1, "correlationId": "corr-0001", "sourceOrigin": "https://a.example",
        "targetHandle": "urn:agent:b", "payload": {}});
    let with = |name: &str, value: Value| {
        let mut envelope = good.clone();
        envelope[name] = value;
        envelope.to_string()
    };
    for (body, status, code, path) in [
        (String::new(), 400, "malformed-json", ""),
        ("[]".to_owned(), 400, "invalid-document", ""),
        (format!("{{\"v\":1,{}", &with("v", json!(1))[1..]), 400, "malformed-json", ""),
        (with("v", json!(2)), 400, "invalid-document", "/v"),
        (with("correlationId", json!("short")), 400, "invalid-document", "/correlationId"),
        (with("sourceOrigin", json!(7)), 400, "invalid-document", "/sourceOrigin"),
        (with("targetOrigin", json!("ftp://b")), 400, "invalid-document", "/targetOrigin"),
        (with("payload", json!("text")), 400, "invalid-document", "/payload"),
        (with("extra", json!(1)), 400, "invalid-document", "/extra"),
        (with("sourceOrigin", json!("https://c.example")), 403, "source-mismatch", ""),
    ] {
        let response = world.gateway.post(&peer, PUBLISH, &body).await;
        let reply = json_of(&response);
        assert_eq!(response.status().as_u16(), status, "{body}: {reply}");
        assert_eq!(reply["code"], code, "{body}: {reply}");
        if !path.is_empty() {
            assert_eq!(reply["errors"][0]["instancePath"], path, "{body}: {reply}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_asks_wrongly_is_told_so() {
    let world = World::start().await;
    let bearer = format!("Bearer {SUBSCRIBER}");
    let good = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let (pull, ack) = ("/v1/envelopes/urn:agent:b", "/v1/envelopes/urn:agent:b/ack");
    let whole = r#"{"source":"https://a.example","id":"x","epoch":1}"#;
    for (method, path, headers, body, status, code) in [
        (Method::GET, pull, &good[..0], "", 401, "unauthenticated"),
        (Method::GET, pull, &[("authorization", "Bearer wrong")][..], "", 401, "unauthenticated"),
        (Method::GET, "/v1/envelopes", &good[..], "", 400, "invalid-argument"),
        (Method::GET, "/v1/envelopes/urn:agent:b?max=101", &good[..], "", 400, "invalid-argument"),
        (Method::GET, "/v1/envelopes/urn:agent:b?wait=2m", &good[..], "", 400, "invalid-argument"),
        (
            Method::GET,
            "/v1/envelopes/https%3A%2F%2Fb.example%2F..",
            &good[..],
            "",
            400,
            "path-ambiguous",
        ),
        (Method::POST, ack, &good[..0], whole, 401, "unauthenticated"),
        (Method::POST, ack, &good[..1], whole, 415, "unsupported-media-type"),
        (Method::POST, ack, &good[..], "{}", 400, "invalid-document"),
        (
            Method::POST,
            ack,
            &good[..],
            r#"{"source":"x","id":"x","epoch":"1"}"#,
            400,
            "invalid-document",
        ),
        (
            Method::POST,
            ack,
            &good[..],
            r#"{"source":"x","id":"x","epoch":1}"#,
            400,
            "invalid-document",
        ),
        (Method::POST, ack, &good[..], whole, 404, "not-found"),
        (Method::POST, "/v1/envelopes/ack", &good[..], whole, 400, "invalid-document"),
    ] {
        let response = world.gateway.send(request(method.as_str(), path, headers, body)).await;
        let reply = json_of(&response);
        assert_eq!(response.status().as_u16(), status, "{path} {body}: {reply}");
        assert_eq!(reply["code"], code, "{path} {body}: {reply}");
    }
    let large = "x".repeat(5_000);
    let response = world.gateway.send(request("POST", ack, &good, &large)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
