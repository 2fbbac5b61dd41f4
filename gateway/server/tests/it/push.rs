//! Push notifications of hosted agents' tasks, to a receiver that is a real server.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use proto_types::{Digest, PublicKey, QueueName, base64url};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::calls::at_once;
use crate::node::Node;
use crate::rest::with_token;
use crate::upstream::{self, Received, Server, answer};
use crate::world::{
    OPERATOR, Peer, World, by, deploy, eventually, json_of, message, now_secs, rpc,
};

const AGENT: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// A world whose gateway may call receivers on this machine.
async fn world() -> World {
    World::with(|config| {
        config.upstreams.push_networks = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

fn c() -> Peer {
    Peer::new("c", 3)
}

/// Sends a message whose task is pushed there; the task's id.
async fn begun(world: &World, push: Value) -> String {
    let mut params = at_once("hello");
    params["configuration"]["taskPushNotificationConfig"] = push;
    let sent = world.gateway.call(&a(), AGENT, "SendMessage", params).await;
    sent["result"]["task"]["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned()
}

/// A call of A2A 0.3.
async fn older(world: &World, method: &str, params: Value) -> Value {
    let body = rpc(method, params);
    let request = with_token(&world.gateway.token(&a()), ("POST", AGENT), "0.3", Some(&body));
    json_of(&world.gateway.send(request).await)
}

/// A call over HTTP+JSON; its status and its answer.
async fn plain(
    world: &World,
    called: (&str, &str),
    version: &str,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let request = with_token(&world.gateway.token(&a()), called, version, body);
    let answer = world.gateway.send(request).await;
    (answer.status(), json_of(&answer))
}

/// Waits until so many were taken and so many failed.
async fn counted(world: &World, taken: u32, failed: u32) {
    let lines = [
        format!("ecumene_gateway_push_deliveries_total {taken}\n"),
        format!("ecumene_gateway_push_failures_total {failed}\n"),
    ];
    eventually("the counters", || async {
        let metrics = world.gateway.get("/metrics").await;
        let text = std::str::from_utf8(metrics.body()).unwrap();
        lines.iter().all(|line| text.contains(line)).then_some(())
    })
    .await;
}

fn header<'r>(asked: &'r Received, name: &str) -> &'r str {
    asked.headers[name].to_str().unwrap()
}

/// The claims of what proves who has sent it, by the key that the gateway publishes.
async fn verified(world: &World, asked: &Received) -> Value {
    let jwks = json_of(&world.gateway.get("/.well-known/jwks.json").await);
    let [key] = &jwks["keys"].as_array().unwrap()[..] else { panic!("{jwks}") };
    let (input, signature) = header(asked, "ecumene-push-jws").rsplit_once('.').unwrap();
    let x: [u8; 32] = base64url::decode_array(key["x"].as_str().unwrap()).unwrap();
    let signature = base64url::decode(signature).unwrap();
    PublicKey::from_bytes(&x).unwrap().verify(input.as_bytes(), &signature).unwrap();
    let (protected, claims) = input.split_once('.').unwrap();
    let read = |part| serde_json::from_slice::<Value>(&base64url::decode(part).unwrap()).unwrap();
    assert_eq!(read(protected)["kid"], key["kid"]);
    read(claims)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_pushed_with_what_the_receiver_asks_for_and_with_proof_of_its_sender() {
    let server = Server::start(|_| answer(200, "text/plain", "")).await;
    let world = world().await;
    let mut node = Node::join(&world).await;
    let url = format!("{}?key=1", server.url());
    let task = begun(
        &world,
        json!({
            "id": "p", "url": url, "token": "task-token",
            "authentication": {"scheme": "Bearer", "credentials": "credentials-of-the-receiver"},
        }),
    )
    .await;
    let run = node.take().await;
    node.complete(&world, &run, "completed", &["x"]).await;
    counted(&world, 1, 0).await;
    let all = server.asked();
    let [asked] = &all[..] else { panic!("one notification") };
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/far?key=1"));
    assert_eq!(header(asked, "content-type"), "application/a2a+json");
    assert_eq!(header(asked, "authorization"), "Bearer credentials-of-the-receiver");
    assert_eq!(header(asked, "x-a2a-notification-token"), "task-token");
    let update = &asked.body["statusUpdate"];
    assert_eq!(
        (&update["taskId"], &update["status"]["state"]),
        (&json!(task), &json!("TASK_STATE_COMPLETED"))
    );

    let claims = verified(&world, asked).await;
    assert_eq!(
        (&claims["iss"], &claims["task_id"]),
        (&json!(world.gateway.origin()), &json!(task))
    );
    assert_eq!(claims["aud"], format!("http://{}", server.addr));
    assert_eq!(claims["jti"], header(asked, "ecumene-notification-id"));
    let digest = Digest::of(asked.body.to_string().as_bytes()).hex();
    assert_eq!(claims["request_body_sha256"], digest);
    assert!(now_secs() - claims["iat"].as_u64().unwrap() < 60, "{claims}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_pushed_and_who_set_it_in_0_3_gets_a_task_of_0_3() {
    let server = Server::start(|_| answer(204, "text/plain", "")).await;
    let world = world().await;
    let mut node = Node::join(&world).await;
    let task =
        begun(&world, json!({"id": "newer", "url": format!("{}/newer", server.url())})).await;
    let url = format!("{}/older", server.url());
    let set = json!({"taskId": task, "pushNotificationConfig": {"id": "older", "url": url}});
    let told = older(&world, "tasks/pushNotificationConfig/set", set).await;
    assert_eq!(told["result"]["taskId"], task, "{told}");
    let run = node.take().await;
    node.complete(&world, &run, "input-required", &["x"]).await;
    counted(&world, 2, 0).await;
    let asked = server.asked();
    let of = |name: &str| asked.iter().find(|asked| asked.path.ends_with(name)).unwrap();
    let newer = &of("/newer").body["statusUpdate"]["status"];
    assert_eq!(newer["state"], "TASK_STATE_INPUT_REQUIRED");
    assert_eq!(newer["message"]["parts"][0]["text"], "done");
    let (older, kind) = (&of("/older").body, header(of("/older"), "content-type"));
    assert_eq!((&older["kind"], &older["id"]), (&json!("task"), &json!(task)));
    assert_eq!(older["status"]["state"], "input-required");
    assert_eq!((&older["artifacts"][0]["artifactId"], kind), (&json!("out"), "application/json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_is_called_again_and_told_the_same() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let status = if tries.fetch_add(1, Ordering::Relaxed) == 0 { 500 } else { 200 };
        answer(status, "text/plain", "")
    })
    .await;
    let world = world().await;
    let mut node = Node::join(&world).await;
    begun(&world, json!({"url": server.url()})).await;
    let run = node.take().await;
    node.complete(&world, &run, "failed", &[]).await;
    counted(&world, 1, 1).await;
    let all = server.asked();
    let [first, second] = &all[..] else { panic!("two attempts") };
    assert_eq!(first.body, second.body);
    assert_eq!(header(first, "ecumene-notification-id"), header(second, "ecumene-notification-id"));
    assert!(!first.headers.contains_key("authorization"), "nothing was asked for: {first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_wants_no_more_is_a_dead_letter_that_nobody_else_can_pull() {
    let server = Server::start(|_| answer(410, "text/plain", "")).await;
    let world = world().await;
    let mut node = Node::join(&world).await;
    let task = begun(&world, json!({"url": server.url(), "token": "task-token"})).await;
    let run = node.take().await;
    node.complete(&world, &run, "completed", &[]).await;
    let letter = eventually("a dead letter", || async {
        let request = by(OPERATOR, wire::ListDeadLettersRequest::default());
        world.fleet().list_dead_letters(request).await.unwrap().into_inner().letters.pop()
    })
    .await;
    assert_eq!((letter.target.as_str(), letter.failures), (QueueName::PUSH, 1));
    assert_eq!(letter.attempts[0].reason, "the receiver answered 410");
    let name = wire::DeadLetterName { source: letter.source, id: letter.id };
    let whole = world.fleet().get_dead_letter(by(OPERATOR, name)).await.unwrap().into_inner();
    let document: Value = serde_json::from_slice(&whole.document).unwrap();
    assert_eq!((&document["task"], &document["config"]), (&json!(task), &json!("default")));
    assert!(!document.to_string().contains("task-token"), "no secret is in it: {document}");

    let target = QueueName::PUSH.to_owned();
    let lease = wire::LeaseEnvelopesRequest { target, max: 1, ttl_ms: 1_000, wait_ms: 0 };
    let refused = world.fleet().lease_envelopes(by(OPERATOR, lease)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let pulled = with_token(
        crate::world::SUBSCRIBER,
        ("GET", "/v1/envelopes/push%20notifications"),
        "",
        None,
    );
    assert_eq!(world.gateway.send(pulled).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_pushed_to_a_receiver_that_was_deleted() {
    let server = Server::start(|_| answer(200, "text/plain", "")).await;
    let world = world().await;
    let mut node = Node::join(&world).await;
    let gone = json!({"id": "gone", "url": format!("{}/gone", server.url())});
    let task = begun(&world, gone).await;
    let kept = json!({"taskId": task, "id": "kept", "url": format!("{}/kept", server.url())});
    let method = "CreateTaskPushNotificationConfig";
    world.gateway.call(&a(), AGENT, method, kept).await;
    let named = json!({"taskId": task, "id": "gone"});
    let deleted = world.gateway.call(&a(), AGENT, "DeleteTaskPushNotificationConfig", named).await;
    assert_eq!(deleted["result"], json!({}), "{deleted}");
    let run = node.take().await;
    node.complete(&world, &run, "completed", &[]).await;
    counted(&world, 1, 0).await;
    let paths: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/far/kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_to_push_is_set_shown_and_deleted_in_json_rpc_and_http_json_by_its_owner_alone() {
    let world = World::start().await;
    let task = begun(&world, json!({"url": "https://receiver.example/first"})).await;
    let call = |peer: Peer, method: &'static str, params: Value| {
        let world = &world;
        async move { world.gateway.call(&peer, AGENT, method, params).await }
    };
    let config = json!({
        "taskId": task, "id": "p", "url": "https://receiver.example/hook", "token": "t",
        "authentication": {"scheme": "Bearer", "credentials": "secret-of-the-receiver"},
    });
    let mut shown = config.clone();
    shown["authentication"] = json!({"scheme": "Bearer"});
    let named = json!({"task_id": task, "id": "p"});
    let created = call(a(), "CreateTaskPushNotificationConfig", config.clone()).await;
    assert_eq!(created["result"], shown, "{created}");
    let one = call(a(), "GetTaskPushNotificationConfig", named.clone()).await;
    assert_eq!(one["result"], shown, "{one}");
    let all = call(a(), "ListTaskPushNotificationConfigs", json!({"taskId": task})).await;
    let configs = all["result"]["configs"].as_array().unwrap();
    let ids: Vec<_> = configs.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((ids, &all["result"]["nextPageToken"]), (vec!["default", "p"], &json!("")));
    assert!(!all.to_string().contains("secret-of"), "{all}");
    for (method, params) in [
        ("CreateTaskPushNotificationConfig", config),
        ("GetTaskPushNotificationConfig", named.clone()),
        ("ListTaskPushNotificationConfigs", json!({"taskId": task})),
        ("DeleteTaskPushNotificationConfig", named.clone()),
    ] {
        let refused = call(c(), method, params).await;
        assert_eq!(refused["error"]["code"], -32001, "{method}: {refused}");
    }

    let base = format!("{AGENT}/tasks/{task}/pushNotificationConfigs");
    let path = format!("{base}/q%2F1");
    let body = json!({"id": "q/1", "url": "https://receiver.example/q"});
    let (status, made) = plain(&world, ("POST", &base), "1.0", Some(&body)).await;
    assert_eq!((status, &made["taskId"]), (StatusCode::OK, &json!(task)), "{made}");
    let (_, one) = plain(&world, ("GET", &path), "1.0", None).await;
    assert_eq!(one, made);
    let (_, all) = plain(&world, ("GET", &base), "1.0", None).await;
    assert_eq!(all["configs"].as_array().unwrap().len(), 3, "{all}");
    for _ in 0..2 {
        let (status, done) = plain(&world, ("DELETE", &path), "1.0", None).await;
        assert_eq!((status, done), (StatusCode::OK, json!({})));
    }
    let (status, _) = plain(&world, ("GET", &path), "1.0", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_to_push_is_set_shown_and_deleted_in_0_3() {
    let world = World::start().await;
    let sent = world.gateway.call(&a(), AGENT, "SendMessage", at_once("hello")).await;
    let task = sent["result"]["task"]["id"].as_str().unwrap();
    let inner = json!({"id": "p", "url": "https://receiver.example/hook"});
    let set = json!({"taskId": task, "pushNotificationConfig": inner});
    let told = older(&world, "tasks/pushNotificationConfig/set", set.clone()).await;
    assert_eq!(told["result"], set, "{told}");
    for named in [json!({"id": task}), json!({"id": task, "pushNotificationConfigId": "p"})] {
        let told = older(&world, "tasks/pushNotificationConfig/get", named).await;
        assert_eq!(told["result"], set, "{told}");
    }
    let all = older(&world, "tasks/pushNotificationConfig/list", json!({"id": task})).await;
    assert_eq!(all["result"], json!([set]), "{all}");

    let base = format!("{AGENT}/v1/tasks/{task}/pushNotificationConfigs");
    let body = json!({"pushNotificationConfig": {"id": "q", "url": "https://receiver.example/q"}});
    let (status, made) = plain(&world, ("POST", &base), "0.3", Some(&body)).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(made["name"], format!("tasks/{task}/pushNotificationConfigs/q"));
    let (_, all) = plain(&world, ("GET", &base), "0.3", None).await;
    assert_eq!(all["configs"][1], made, "{all}");
    let (_, one) = plain(&world, ("GET", &format!("{base}/q")), "0.3", None).await;
    assert_eq!(one, made);
    let (status, done) = plain(&world, ("DELETE", &format!("{base}/q")), "0.3", None).await;
    assert_eq!((status, done), (StatusCode::OK, json!({})));

    let named = json!({"id": task, "pushNotificationConfigId": "p"});
    let gone = older(&world, "tasks/pushNotificationConfig/delete", named.clone()).await;
    assert_eq!(gone.get("result"), Some(&Value::Null), "{gone}");
    let none = older(&world, "tasks/pushNotificationConfig/get", named).await;
    assert_eq!(none["error"]["code"], -32001, "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_23_a_receiver_in_no_public_network_is_refused_by_the_name_of_its_url() {
    // Where agents may be attached, callers may push nothing.
    let world = upstream::world().await;
    let field = |refused: &Value| {
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
        refused["error"]["data"][1]["fieldViolations"][0]["field"].clone()
    };
    for url in [
        "http://127.0.0.1:9/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/x",
        "https://localhost/x",
        "http://receiver.example/x",
        "ftp://receiver.example/x",
        "https://user:word@receiver.example/x",
    ] {
        let create = json!({"taskId": "t1", "url": url});
        let method = "CreateTaskPushNotificationConfig";
        let refused = world.gateway.call(&a(), AGENT, method, create).await;
        assert_eq!(field(&refused), "url", "{url}");
        let mut said = message("hello");
        said["configuration"] = json!({"taskPushNotificationConfig": {"url": url}});
        let refused = world.gateway.call(&a(), AGENT, "SendMessage", said).await;
        assert_eq!(field(&refused), "configuration.taskPushNotificationConfig.url", "{url}");
        let set = json!({"taskId": "t1", "pushNotificationConfig": {"url": url}});
        let refused = older(&world, "tasks/pushNotificationConfig/set", set).await;
        assert_eq!(field(&refused), "pushNotificationConfig.url", "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_card_says_no_is_asked_in_vain() {
    let world = World::start().await;
    let words = json!({"name": "Silent", "capabilities": {"pushNotifications": false}});
    deploy(&world.channel, "silent", &words).await;
    let card = eventually("the agent", || async {
        let card = world.gateway.get("/agents/silent/.well-known/agent-card.json").await;
        (card.status() == StatusCode::OK).then(|| json_of(&card))
    })
    .await;
    assert_eq!(card["capabilities"]["pushNotifications"], false);
    let card = json_of(&world.gateway.get("/agents/echo/.well-known/agent-card.json").await);
    assert_eq!(card["capabilities"]["pushNotifications"], true);
    let mut said = at_once("hello");
    let sent = world.gateway.call(&a(), "/agents/silent", "SendMessage", said.clone()).await;
    let task = &sent["result"]["task"]["id"];
    said["configuration"]["taskPushNotificationConfig"] =
        json!({"url": "https://receiver.example"});
    let create = json!({"taskId": task, "url": "https://receiver.example"});
    for (path, method, params) in [
        ("/agents/silent", "SendMessage", said),
        ("/agents/silent", "CreateTaskPushNotificationConfig", create.clone()),
        ("/agents/silent", "ListTaskPushNotificationConfigs", json!({"taskId": task})),
        ("/v1/a2a/jsonrpc", "CreateTaskPushNotificationConfig", create),
    ] {
        let refused = world.gateway.call(&a(), path, method, params).await;
        assert_eq!(refused["error"]["code"], -32003, "{path} {method}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_are_published_or_that_there_are_none() {
    let world = World::with(|config| config.federation_key_file = None).await;
    let none = world.gateway.get("/.well-known/jwks.json").await;
    assert_eq!(json_of(&none), json!({"keys": []}));
    assert!(none.headers().contains_key("etag") && none.headers().contains_key("cache-control"));
}
