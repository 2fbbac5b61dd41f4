//! What HTTP, JSON-RPC and browsers ask of the edge around a call.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::node::Node;
use crate::world::{PATIENCE, Peer, World, json_of, message, rpc};

const RPC: &str = "/agents/echo";
const PAGE: &str = "https://app.example";

fn a() -> Peer {
    Peer::new("a", 1)
}

async fn preflight(world: &World, path: &str, page: &str) -> (StatusCode, HeaderMap) {
    let request = Request::options(path)
        .header("origin", page)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "a2a-version, authorization")
        .body(Body::empty())
        .unwrap();
    let response = world.gateway.send(request).await;
    (response.status(), response.headers().clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_read_documents_and_call_where_the_operator_lists_it() {
    let world = World::with(|config| config.cors_origins = vec![PAGE.to_owned()]).await;
    for path in ["/.well-known/agent-card.json", "/agents/echo/.well-known/agent-card.json"] {
        let (status, headers) = preflight(&world, path, "https://any.example").await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-headers"], "*, authorization");
    }
    for path in [RPC, "/v1/a2a/jsonrpc", "/agents/echo/message:send", "/a2a/v1/message:stream"] {
        let (status, headers) = preflight(&world, path, PAGE).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(headers["access-control-allow-origin"], PAGE);
        assert_eq!(headers["vary"], "origin");
        let allowed = headers["access-control-allow-headers"].to_str().unwrap();
        for needed in ["authorization", "content-type", "a2a-version", "a2a-extensions"] {
            assert!(allowed.contains(needed), "{needed}: {allowed}");
        }
        let (status, headers) = preflight(&world, path, "https://other.example").await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    let (status, _) = preflight(&world, "/v1/envelopes/urn:agent:b", PAGE).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "local subscribers use no browser");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listed_page_reads_answers_and_refusals_alike() {
    let world = World::with(|config| config.cors_origins = vec![PAGE.to_owned()]).await;
    let body = rpc("GetTask", json!({"id": "t"})).to_string();
    for (page, token, status, readable) in [
        (PAGE, true, 200, true),
        (PAGE, false, 401, true),
        ("https://other.example", true, 200, false),
    ] {
        let mut request = world.gateway.request(&a(), RPC, &body);
        request.headers_mut().insert("origin", page.parse().unwrap());
        if !token {
            request.headers_mut().remove("authorization");
        }
        let response = world.gateway.send(request).await;
        assert_eq!(response.status().as_u16(), status);
        let allowed = response.headers().get("access-control-allow-origin");
        assert_eq!(allowed.is_some(), readable, "{page} {token}");
    }
    let everybody = World::with(|config| config.cors_origins = vec!["*".to_owned()]).await;
    let (status, headers) = preflight(&everybody, RPC, "https://any.example").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert!(!headers.contains_key("vary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_reads_that_its_address_asks_too_often() {
    let world = World::with(|config| {
        config.bounds.address_requests_per_second = 1;
        config.bounds.address_burst = 300;
    })
    .await;
    for _ in 0..400 {
        let response = world.gateway.get("/.well-known/agent-card.json").await;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
            return the_limit_is_told_in_the_callers_words(&world).await;
        }
    }
    panic!("the limit is reached");
}

/// It was told in HTTP alone, which a client of JSON-RPC does not read.
async fn the_limit_is_told_in_the_callers_words(world: &World) {
    let body = rpc("GetTask", json!({"id": "t"})).to_string();
    for (path, code) in [(RPC, -32047), ("/v1/a2a/jsonrpc", -32047), ("/api/a2a/jsonrpc", -32005)] {
        let mut request = world.gateway.request(&a(), path, &body);
        request.headers_mut().remove("authorization");
        let response = world.gateway.send(request).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(json_of(&response)["error"]["code"], code, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listed_page_reads_what_the_listener_refuses() {
    let world = World::with(|config| config.cors_origins = vec![PAGE.to_owned()]).await;
    let path = format!("{RPC}?{}", "q".repeat(9 << 10));
    for (page, readable) in [(PAGE, true), ("https://other.example", false)] {
        let mut request = world.gateway.request(&a(), &path, "{}");
        request.headers_mut().insert("origin", page.parse().unwrap());
        let response = world.gateway.send(request).await;
        assert_eq!(response.status(), StatusCode::URI_TOO_LONG, "{page}");
        let allowed = response.headers().get("access-control-allow-origin");
        assert_eq!(allowed.is_some_and(|allowed| allowed == PAGE), readable, "{page}");
        assert_eq!(response.headers().get("vary").is_some(), readable, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_is_carried_out_and_has_no_answer_not_even_an_error() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let notify = |method: &str, params: Value| {
        let call = json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
        world.gateway.request(&a(), RPC, &call)
    };
    for (method, params) in [
        ("NoSuchMethod", json!({})),
        ("ListTasks", json!({})),
        ("GetExtendedAgentCard", json!({})),
        ("GetTask", json!({})),
        ("GetTask", json!({"id": "t"})),
        ("SubscribeToTask", json!({"id": "t"})),
    ] {
        let response = world.gateway.send(notify(method, params)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{method}");
        assert!(response.body().is_empty(), "{method}: {:?}", response.body());
        assert!(!response.headers().contains_key("content-type"));
    }
    for method in ["SendMessage", "SendStreamingMessage"] {
        let response = world.gateway.send(notify(method, message(method))).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{method}");
        assert!(response.body().is_empty(), "{method}: {:?}", response.body());
        let task = node.take().await;
        let input: Value = serde_json::from_slice(&task.input).unwrap();
        assert_eq!(input["parts"][0]["text"], method);
        assert!(task.reply_to.is_none(), "nobody listens");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_whose_credential_is_refused_is_answered_as_any_call() {
    let world = World::start().await;
    let call = json!({"jsonrpc": "2.0", "method": "GetTask", "params": {"id": "t"}}).to_string();
    let notify = || world.gateway.request(&a(), RPC, &call);
    let mut stranger = notify();
    stranger.headers_mut().remove("authorization");
    let refused = world.gateway.send(stranger).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let reply = json_of(&refused);
    assert_eq!((&reply["id"], &reply["error"]["code"]), (&Value::Null, &json!(-32040)));

    let first = notify();
    let credential = first.headers()["authorization"].clone();
    assert_eq!(world.gateway.send(first).await.status(), StatusCode::NO_CONTENT);
    let mut replayed = notify();
    replayed.headers_mut().insert("authorization", credential);
    let replayed = world.gateway.send(replayed).await;
    assert_eq!((replayed.status(), replayed.body()), (refused.status(), refused.body()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_the_agent_does_not_take_is_refused_and_costs_no_token() {
    let world = World::start().await;
    let mut params = message("hi");
    params["message"]["parts"] =
        json!([{"text": "hi"}, {"raw": "iVBORw0KGgo=", "mediaType": "image/png"}]);
    let body = rpc("SendMessage", params).to_string();
    let mut request = world.gateway.request(&a(), RPC, &body);
    let credential = request.headers()["authorization"].clone();
    let reply = json_of(&world.gateway.send(request).await);
    assert_eq!(reply["error"]["code"], -32005, "{reply}");
    let data = &reply["error"]["data"];
    assert_eq!(data[0]["reason"], "CONTENT_TYPE_NOT_SUPPORTED");
    assert_eq!(data[1]["fieldViolations"][0]["field"], "message.parts[1].mediaType");
    request = world.gateway.request(&a(), RPC, &rpc("GetTask", json!({"id": "t"})).to_string());
    request.headers_mut().insert("authorization", credential);
    assert_eq!(json_of(&world.gateway.send(request).await)["error"]["code"], -32001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_identity_coding_is_taken() {
    let world = World::start().await;
    let body = rpc("GetTask", json!({"id": "t"})).to_string();
    for coding in ["identity", "Identity", "identity, identity"] {
        let mut request = world.gateway.request(&a(), RPC, &body);
        request.headers_mut().insert("content-encoding", coding.parse().unwrap());
        let reply = json_of(&world.gateway.send(request).await);
        assert_eq!(reply["error"]["code"], -32001, "{coding}: {reply}");
    }
}

/// As a client that sends all of its request before it reads: the Python SDK does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_heard_whole_while_the_body_still_comes_and_announces_the_close() {
    let world = World::start().await;
    let token = world.gateway.token(&a());
    for (credential, kind, len, status) in [
        (token.as_str(), "application/json", 2 << 20, "413"),
        ("junk", "application/json", 900 << 10, "401"),
        (token.as_str(), "text/plain", 900 << 10, "415"),
    ] {
        let mut stream = TcpStream::connect(world.gateway.addr).await.unwrap();
        let head = format!(
            "POST {RPC} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n\
             authorization: Bearer {credential}\r\ncontent-length: {len}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; len]).await.expect("what is sent is still taken");
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
    }
}
