//! A2A 0.3, over JSON-RPC and over HTTP+JSON.

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode};
use proto_types::card::{Card, CardVersion};
use serde_json::{Value, json};

use crate::node::{Node, Push, chunk, working};
use crate::rest::{Events, with_token};
use crate::world::{Gateway, Peer, World, json_of, rpc};

const AGENT: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// The parameters of `message/send` as clients of 0.3 write them.
pub(crate) fn said(text: &str) -> Value {
    json!({"message": {
        "kind": "message", "messageId": "m1", "role": "user", "parts": [{"kind": "text", "text": text}],
    }})
}

fn at_once(text: &str) -> Value {
    let mut params = said(text);
    params["configuration"] = json!({"blocking": false});
    params
}

/// A JSON-RPC request in this version; empty states none.
fn request(gateway: &Gateway, version: &str, method: &str, params: Value) -> Request<Body> {
    let body = rpc(method, params);
    with_token(&gateway.token(&a()), ("POST", AGENT), version, Some(&body))
}

async fn call(gateway: &Gateway, version: &str, method: &str, params: Value) -> Value {
    json_of(&gateway.send(request(gateway, version, method, params)).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_0_3_waits_for_its_task_and_is_answered_in_0_3() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    for version in ["", "0.3", "0.3.0"] {
        let sent = call(&world.gateway, version, "message/send", said("hello"));
        let worked = async {
            let task = node.take().await;
            let input: Value = serde_json::from_slice(&task.input).unwrap();
            assert_eq!(
                (&input["role"], &input["parts"]),
                (&json!("ROLE_USER"), &json!([{"text": "hello"}]))
            );
            node.complete(&world, &task, "completed", &["x"]).await;
        };
        let (answer, ()) = tokio::join!(sent, worked);
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!("call-1")));
        let task = &answer["result"];
        assert_eq!(
            (&task["kind"], &task["status"]["state"]),
            (&json!("task"), &json!("completed"))
        );
        assert_eq!(task["artifacts"][0]["parts"], json!([{"kind": "text", "text": "x"}]));
        assert_eq!(task["history"][0]["role"], "user");

        let named = json!({"id": task["id"]});
        let seen = call(&world.gateway, version, "tasks/get", named.clone()).await;
        assert_eq!((&seen["result"]["id"], &seen["result"]["kind"]), (&task["id"], &json!("task")));
        let refused = call(&world.gateway, version, "tasks/cancel", named).await;
        assert_eq!(refused["error"]["code"], -32002, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_not_to_block_is_answered_at_once_and_its_task_is_cancelled() {
    let world = World::start().await;
    let sent = call(&world.gateway, "0.3", "message/send", at_once("hello")).await;
    let task = &sent["result"];
    assert_eq!(task["status"]["state"], "submitted", "{sent}");
    let ended = call(&world.gateway, "0.3", "tasks/cancel", json!({"id": task["id"]})).await;
    assert_eq!(ended["result"]["status"]["state"], "canceled", "{ended}");
    let none = call(&world.gateway, "0.3", "tasks/get", json!({"id": "none"})).await;
    assert_eq!(none["error"]["code"], -32001, "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_0_3_says_which_event_is_the_last() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let request = request(&world.gateway, "", "message/stream", said("hello"));
    let mut events = Events::open(&world.gateway, request).await;
    let first = events.event().await.unwrap();
    assert_eq!((&first["id"], &first["result"]["kind"]), (&json!("call-1"), &json!("task")));
    let task = node.take().await;
    let push = Push::open(&task).await;
    push.event(&working("reading")).await;
    push.event(&chunk("out", &["x"], false)).await;
    let update = events.event().await.unwrap()["result"].clone();
    assert_eq!((&update["kind"], &update["final"]), (&json!("status-update"), &json!(false)));
    assert_eq!(update["status"]["state"], "working");
    let update = events.event().await.unwrap()["result"].clone();
    assert_eq!(update["kind"], "artifact-update");
    assert_eq!(update["artifact"]["parts"], json!([{"kind": "text", "text": "x"}]));
    node.complete(&world, &task, "completed", &["x"]).await;
    let end = events.event().await.unwrap()["result"].clone();
    assert_eq!((&end["kind"], &end["final"]), (&json!("status-update"), &json!(true)));
    assert_eq!(end["status"]["state"], "completed");
    assert_eq!(events.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_a_stream_of_0_3_subscribes_anew() {
    let world = World::start().await;
    let sent = call(&world.gateway, "0.3", "message/send", at_once("hello")).await;
    let named = json!({"id": sent["result"]["id"]});
    let request = request(&world.gateway, "0.3", "tasks/resubscribe", named.clone());
    let mut events = Events::open(&world.gateway, request).await;
    let first = events.event().await.unwrap()["result"].clone();
    assert_eq!((&first["kind"], &first["id"]), (&json!("task"), &named["id"]));
    call(&world.gateway, "0.3", "tasks/cancel", named).await;
    let end = events.event().await.unwrap()["result"].clone();
    assert_eq!((&end["final"], &end["status"]["state"]), (&json!(true), &json!("canceled")));
    assert_eq!(events.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_versions_of_two_generations_are_not_mixed() {
    let world = World::start().await;
    for (version, method, code) in [
        ("1.0", "message/send", -32601),
        ("1.0", "tasks/get", -32601),
        ("", "GetTask", -32009),
        ("0.3", "SendMessage", -32009),
        ("2.0", "message/send", -32009),
        ("", "tasks/list", -32601),
        ("0.3", "tasks/pushNotificationConfig/set", -32602),
        ("0.3", "message/send", -32602),
        ("0.3", "tasks/get", -32602),
    ] {
        let answer = call(&world.gateway, version, method, json!({})).await;
        assert_eq!(answer["error"]["code"], code, "{version} {method}: {answer}");
        if code == -32009 {
            let metadata = &answer["error"]["data"][0]["metadata"];
            assert_eq!(metadata["supportedVersions"], "1.0,0.3", "{answer}");
        }
    }
    let wrong =
        json!({"message": {"messageId": "m1", "role": "user", "parts": [{"kind": "text"}]}});
    let answer = call(&world.gateway, "0.3", "message/send", wrong).await;
    let field = answer["error"]["data"][1]["fieldViolations"][0]["field"].as_str().unwrap();
    assert!(field.starts_with("message.parts[0]"), "{answer}");
}

async fn plain(
    gateway: &Gateway,
    called: (&str, &str),
    version: &str,
    body: Option<&Value>,
) -> Response<Bytes> {
    gateway.send(with_token(&gateway.token(&a()), called, version, body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_over_the_http_json_of_0_3_and_back() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let gateway = &world.gateway;
    let body = json!({
        "request": {"messageId": "m1", "role": "ROLE_USER", "content": [{"text": "hello"}]},
        "configuration": {"blocking": true},
    });
    for version in ["", "0.3"] {
        let called = ("POST", "/agents/echo/v1/message:send");
        let sent = plain(gateway, called, version, Some(&body));
        let worked = async {
            let task = node.take().await;
            let input: Value = serde_json::from_slice(&task.input).unwrap();
            assert_eq!(input["parts"], json!([{"text": "hello"}]));
            node.complete(&world, &task, "completed", &["x"]).await;
        };
        let (answer, ()) = tokio::join!(sent, worked);
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let task = json_of(&answer)["task"].clone();
        assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
        let path = format!("/agents/echo/v1/tasks/{}", task["id"].as_str().unwrap());
        let seen = json_of(&plain(gateway, ("GET", &path), version, None).await);
        assert_eq!(seen["id"], task["id"]);
        let path = format!("{path}:cancel");
        let refused = plain(gateway, ("POST", &path), version, None).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let refused = json_of(&refused);
        let told = (&refused["code"], &refused["type"]);
        assert_eq!(told, (&json!(-32002), &json!("TaskNotCancelableError")));
    }
    let lists = plain(gateway, ("GET", "/agents/echo/v1/tasks"), "0.3", None).await;
    assert_eq!(json_of(&lists)["type"], "UnsupportedOperationError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_over_the_http_json_of_0_3() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let body = json!({
        "request": {"messageId": "m1", "role": "ROLE_USER", "content": [{"text": "hello"}]},
    });
    let called = ("POST", "/a2a/v1/message:stream");
    let refused = plain(&world.gateway, called, "0.3", Some(&body)).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "0.3 names no tenant: {refused:?}");
    let called = ("POST", "/agents/echo/v1/message:stream");
    let request = with_token(&world.gateway.token(&a()), called, "0.3", Some(&body));
    let mut events = Events::open(&world.gateway, request).await;
    assert!(events.event().await.unwrap()["task"].is_object());
    let task = node.take().await;
    node.complete(&world, &task, "completed", &[]).await;
    let mut last = Value::Null;
    while let Some(event) = events.event().await {
        last = event;
    }
    assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{last}");
    assert_eq!(last["statusUpdate"]["final"], true, "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_pays_for_one_call_of_0_3() {
    let world = World::start().await;
    let gateway = &world.gateway;
    let body = json!({
        "request": {"messageId": "m1", "role": "ROLE_USER", "content": [{"text": "hello"}]},
    });
    let calls = |method: &str, params: Value| ("POST", AGENT.to_owned(), Some(rpc(method, params)));
    let path = |rest: &str| format!("/agents/echo/v1/{rest}");
    for (method, path, body) in [
        calls("message/send", at_once("hello")),
        calls("message/stream", said("hello")),
        calls("tasks/get", json!({"id": "none"})),
        calls("tasks/cancel", json!({"id": "none"})),
        calls("tasks/resubscribe", json!({"id": "none"})),
        calls("agent/getAuthenticatedExtendedCard", json!({})),
        ("POST", path("message:send"), Some(body.clone())),
        ("POST", path("message:stream"), Some(body.clone())),
        ("GET", path("tasks/none"), None),
        ("POST", path("tasks/none:cancel"), None),
        ("GET", path("tasks/none:subscribe"), None),
        ("GET", path("card"), None),
    ] {
        let token = gateway.token(&a());
        let ask = || with_token(&token, (method, &path), "0.3", body.as_ref());
        assert_ne!(gateway.open(ask()).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        let refused = gateway.send(ask()).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{method} {path} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_extended_card_of_0_3_is_a_card_of_0_3() {
    let world = World::start().await;
    let gateway = &world.gateway;
    let rpc = call(gateway, "", "agent/getAuthenticatedExtendedCard", json!({})).await;
    let card = &rpc["result"];
    let read = Card::parse(card.to_string().as_bytes()).unwrap();
    assert_eq!(read.view().card_version, CardVersion::V03);
    assert_eq!(read.view().interfaces[0].url, format!("{}{AGENT}", gateway.origin()));
    assert_eq!(card["supportsAuthenticatedExtendedCard"], true);
    let plain = json_of(&plain(gateway, ("GET", "/agents/echo/v1/card"), "0.3", None).await);
    assert_eq!((&plain["url"], &plain["name"]), (&card["url"], &card["name"]));
    assert_eq!(plain["security"][0]["schemes"]["fed"]["list"], json!(["federation"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dual_card_is_found_by_clients_of_both_versions() {
    for (dual, url) in [(false, false), (true, true)] {
        let world = World::with(|config| config.dual_cards = dual).await;
        let card = world.gateway.get("/agents/echo/.well-known/agent-card.json").await;
        let read = Card::parse(card.body()).unwrap();
        assert_eq!(read.view().card_version, CardVersion::V10);
        let card = json_of(&card);
        assert_eq!(card.get("url").is_some(), url, "{card}");
        if dual {
            let mut older = card.clone();
            older.as_object_mut().unwrap().remove("supportedInterfaces");
            let older = Card::parse(older.to_string().as_bytes()).unwrap();
            assert_eq!(older.view().card_version, CardVersion::V03);
        }
    }
}
