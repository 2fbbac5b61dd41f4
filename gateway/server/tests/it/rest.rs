//! A2A 1.0 over HTTP+JSON: calls, streams and refusals.

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::calls::at_once;
use crate::node::{Node, Push, chunk, working};
use crate::world::{Gateway, PATIENCE, Peer, World, deploy_for, eventually, json_of, message};

const AGENT: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// A request with this token; without a body it has no type either.
pub(crate) fn with_token(
    token: &str,
    (method, path): (&str, &str),
    version: &str,
    body: Option<&Value>,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"));
    if !version.is_empty() {
        request = request.header("a2a-version", version);
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

/// A call of A2A 1.0 with a fresh token of the peer.
async fn call(
    gateway: &Gateway,
    peer: &Peer,
    called: (&str, &str),
    body: Option<&Value>,
) -> Response<Bytes> {
    gateway.send(with_token(&gateway.token(peer), called, "1.0", body)).await
}

/// Server-sent events, each with its name.
pub(crate) struct Events {
    body: hyper::body::Incoming,
    pending: String,
}

impl Events {
    pub(crate) async fn open(gateway: &Gateway, request: Request<Body>) -> Self {
        let response = gateway.open(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), pending: String::new() }
    }

    /// The next event that is no comment; `None` at the end.
    pub(crate) async fn named(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((frame, rest)) = self.pending.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.pending = rest;
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
                if let Some(data) = field("data: ") {
                    let name = field("event: ").unwrap_or("message").to_owned();
                    return Some((name, serde_json::from_str(data).unwrap()));
                }
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("a frame")?;
            let data = frame.unwrap().into_data().unwrap();
            self.pending.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// The data of the next event; `None` at the end.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        self.named().await.map(|(_, data)| data)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_answered_with_its_task_which_is_found_by_its_path() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let (gateway, caller, said) = (&world.gateway, a(), message("hello"));
    let sent = call(gateway, &caller, ("POST", "/agents/echo/message:send"), Some(&said));
    let worked = async {
        let task = node.take().await;
        node.complete(&world, &task, "completed", &["x"]).await;
    };
    let (answer, ()) = tokio::join!(sent, worked);
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(answer.headers().contains_key("ratelimit"));
    let task = json_of(&answer)["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(task["artifacts"][0]["parts"], json!([{"text": "x"}]));

    let path = format!("{AGENT}/tasks/{}?historyLength=0", task["id"].as_str().unwrap());
    let seen = call(gateway, &caller, ("GET", &path), None).await;
    assert_eq!(seen.headers()["content-type"], "application/a2a+json");
    assert_eq!(seen.headers()["cache-control"], "no-store");
    let seen = json_of(&seen);
    assert_eq!((&seen["status"], seen.get("history")), (&task["status"], None));

    let path = format!("{AGENT}/tasks/{}:cancel", task["id"].as_str().unwrap());
    let refused = call(gateway, &caller, ("POST", &path), None).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let error = &json_of(&refused)["error"];
    assert_eq!(error["details"][0]["reason"], "TASK_NOT_CANCELABLE", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_tells_events_that_nothing_encloses() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let token = world.gateway.token(&a());
    let called = ("POST", "/agents/echo/message:stream");
    let request = with_token(&token, called, "1.0", Some(&message("hello")));
    let mut events = Events::open(&world.gateway, request).await;
    let first = events.event().await.unwrap();
    let task = node.take().await;
    assert_eq!(first["task"]["id"], task.task.as_str());
    let push = Push::open(&task).await;
    push.event(&working("reading")).await;
    push.event(&chunk("out", &["x"], false)).await;
    let update = events.event().await.unwrap();
    assert_eq!(update["statusUpdate"]["status"]["state"], "TASK_STATE_WORKING");
    let update = events.event().await.unwrap();
    assert_eq!(update["artifactUpdate"]["artifact"]["parts"], json!([{"text": "x"}]));
    node.complete(&world, &task, "completed", &["x"]).await;
    let end = events.event().await.unwrap();
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(events.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_fails_ends_with_an_event_of_the_name_error() {
    let world = World::start().await;
    let called = ("POST", "/agents/echo/message:stream");
    let token = world.gateway.token(&a());
    let request = with_token(&token, called, "1.0", Some(&message("hello")));
    let mut events = Events::open(&world.gateway, request).await;
    assert!(events.event().await.unwrap()["task"].is_object());
    crate::world::revoke(&world.channel, &a()).await;
    let (name, data) = events.named().await.unwrap();
    assert_eq!((name.as_str(), &data["error"]["code"]), ("error", &json!(401)), "{data}");
    assert_eq!(data["error"]["status"], "UNAUTHENTICATED");
    assert_eq!(events.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_instance_calls_the_agent_of_the_path_or_of_the_body() {
    let world = World::start().await;
    let (gateway, caller) = (&world.gateway, a());
    let mut named = at_once("hello");
    named["tenant"] = json!("echo");
    for (path, body, status) in [
        ("/a2a/echo/message:send", at_once("hello"), 200),
        ("/a2a/echo/message:send", named.clone(), 200),
        ("/a2a/message:send", named.clone(), 200),
        ("/a2a/message:send", at_once("hello"), 400),
        ("/a2a/other/message:send", named.clone(), 404),
    ] {
        let answer = call(gateway, &caller, ("POST", path), Some(&body)).await;
        assert_eq!(answer.status().as_u16(), status, "{path} {body}: {answer:?}");
    }
    named["tenant"] = json!("other");
    let refused = call(gateway, &caller, ("POST", "/agents/echo/message:send"), Some(&named)).await;
    let error = &json_of(&refused)["error"];
    assert_eq!(error["details"][1]["fieldViolations"][0]["field"], "tenant", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_cancelled_by_a_post_without_a_body_or_with_one_that_repeats_it() {
    let world = World::start().await;
    let (gateway, caller) = (&world.gateway, a());
    for repeats in [false, true] {
        let said = at_once("hello");
        let sent = call(gateway, &caller, ("POST", "/agents/echo/message:send"), Some(&said)).await;
        let id = json_of(&sent)["task"]["id"].clone();
        let path = format!("{AGENT}/tasks/{}:cancel", id.as_str().unwrap());
        let other = json!({"id": "another"});
        let refused = call(gateway, &caller, ("POST", &path), Some(&other)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{refused:?}");
        let body = repeats.then(|| json!({"id": id, "tenant": "echo"}));
        let ended = call(gateway, &caller, ("POST", &path), body.as_ref()).await;
        assert_eq!(json_of(&ended)["status"]["state"], "TASK_STATE_CANCELED", "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_the_status_and_the_reason_of_a2a() {
    let world = World::start().await;
    let (gateway, caller) = (&world.gateway, a());
    let empty = json!({});
    for (called, version, body, status, reason) in [
        (("GET", "/agents/echo/tasks/none"), "1.0", None, 404, "TASK_NOT_FOUND"),
        (("POST", "/agents/echo/tasks/none:subscribe"), "1.0", None, 404, "TASK_NOT_FOUND"),
        (("GET", "/agents/echo/tasks/none:subscribe"), "1.0", None, 404, "TASK_NOT_FOUND"),
        (("GET", "/agents/echo/tasks/none"), "", None, 400, "VERSION_NOT_SUPPORTED"),
        (("GET", "/agents/echo/tasks/none"), "0.3", None, 400, "VERSION_NOT_SUPPORTED"),
        (("GET", "/agents/echo/tasks/none"), "2.0", None, 400, "VERSION_NOT_SUPPORTED"),
        (("GET", "/agents/echo/v1/tasks/none"), "1.0", None, 400, "VERSION_NOT_SUPPORTED"),
        (("GET", "/agents/echo/tasks/none?A2A-Version=1.0"), "", None, 404, "TASK_NOT_FOUND"),
        (("GET", "/agents/echo/tasks?pageSize=0"), "1.0", None, 400, "INVALID_PARAMS"),
        (("GET", "/agents/echo/tasks?status=done"), "1.0", None, 400, "INVALID_PARAMS"),
        (("POST", "/agents/echo/message:send"), "1.0", Some(&empty), 400, "INVALID_PARAMS"),
        (("GET", "/agents/echo/message:send"), "1.0", None, 405, "METHOD_NOT_ALLOWED"),
        (("DELETE", "/agents/echo/tasks/none"), "1.0", None, 405, "METHOD_NOT_ALLOWED"),
        (("GET", "/agents/absent/tasks"), "1.0", None, 404, "NOT_FOUND"),
        (
            ("GET", "/agents/echo/tasks/t/pushNotificationConfigs"),
            "1.0",
            None,
            404,
            "TASK_NOT_FOUND",
        ),
        (
            ("DELETE", "/agents/echo/tasks/t/pushNotificationConfigs/p"),
            "1.0",
            None,
            404,
            "TASK_NOT_FOUND",
        ),
        (
            ("POST", "/agents/echo/tasks/t/pushNotificationConfigs"),
            "1.0",
            Some(&empty),
            400,
            "INVALID_PARAMS",
        ),
    ] {
        let answer = gateway.send(with_token(&gateway.token(&caller), called, version, body)).await;
        let (said, error) = (answer.status().as_u16(), json_of(&answer)["error"].clone());
        assert_eq!(said, status, "{called:?} {version}: {error}");
        assert_eq!(error["code"], status, "{called:?} {version}: {error}");
        assert_eq!(error["details"][0]["reason"], reason, "{called:?} {version}: {error}");
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{called:?}");
        // The client sends its bodies as plain JSON, and 0.3 has no type of its own.
        let is_plain = body.is_some() || called.1.contains("/v1/");
        let kind = if is_plain { "application/json" } else { "application/a2a+json" };
        assert_eq!(answer.headers()["content-type"], kind, "{called:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{called:?}");
        if reason == "VERSION_NOT_SUPPORTED" {
            let metadata = &error["details"][0]["metadata"];
            assert_eq!(metadata["supportedVersions"], "1.0,0.3", "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_json_is_refused_as_that() {
    let world = World::start().await;
    for (kind, body, status, reason) in [
        ("application/json", "{", 400, "PARSE"),
        ("application/json", "", 400, "PARSE"),
        ("application/a2a+json", "[]", 400, "INVALID_PARAMS"),
        ("text/plain", "{}", 415, "CONTENT_TYPE_NOT_SUPPORTED"),
        ("", "{}", 415, "CONTENT_TYPE_NOT_SUPPORTED"),
    ] {
        let mut request = world.gateway.request(&a(), "/agents/echo/message:send", body);
        request.headers_mut().remove("content-type");
        if !kind.is_empty() {
            request.headers_mut().insert("content-type", kind.parse().unwrap());
        }
        let answer = world.gateway.send(request).await;
        let error = &json_of(&answer)["error"];
        assert_eq!(answer.status().as_u16(), status, "{kind} {body}: {error}");
        assert_eq!(error["details"][0]["reason"], reason, "{kind} {body}: {error}");
    }
}

/// Every call, with the body that it has.
pub(crate) fn every_call(base: &str) -> Vec<(&'static str, String, Option<Value>)> {
    let path = |rest: &str| format!("{base}/{rest}");
    vec![
        ("POST", path("message:send"), Some(at_once("hello"))),
        ("POST", path("message:stream"), Some(message("hello"))),
        ("GET", path("tasks/none"), None),
        ("GET", path("tasks"), None),
        ("POST", path("tasks/none:cancel"), None),
        ("POST", path("tasks/none:subscribe"), None),
        ("GET", path("tasks/none:subscribe"), None),
        ("GET", path("extendedAgentCard"), None),
        ("GET", path("tasks/none/pushNotificationConfigs"), None),
        (
            "POST",
            path("tasks/none/pushNotificationConfigs"),
            Some(json!({"url": "https://a.example"})),
        ),
        ("GET", path("tasks/none/pushNotificationConfigs/p"), None),
        ("DELETE", path("tasks/none/pushNotificationConfigs/p"), None),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_pays_for_one_call_whatever_its_method() {
    let world = World::start().await;
    let gateway = &world.gateway;
    let spent = gateway.token(&a());
    let first = with_token(&spent, ("GET", "/agents/echo/tasks/none"), "1.0", None);
    assert_eq!(gateway.send(first).await.status(), StatusCode::NOT_FOUND);
    for (method, path, body) in [AGENT, "/a2a/echo"].into_iter().flat_map(every_call) {
        let fresh = gateway.token(&a());
        let ask = |token: &str| with_token(token, (method, &path), "1.0", body.as_ref());
        assert_ne!(gateway.open(ask(&fresh)).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        for token in [&fresh, &spent] {
            let refused = gateway.send(ask(token)).await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(json_of(&refused)["error"]["status"], "UNAUTHENTICATED");
            assert_eq!(refused.headers()["www-authenticate"], "Bearer");
        }
        let mut stranger = ask(&fresh);
        stranger.headers_mut().remove("authorization");
        let refused = gateway.send(stranger).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_authenticates_gets_the_card_as_it_may_see_it() {
    let world = World::start().await;
    deploy_for(&world.channel, ("urn:acme:hidden", "federated"), &json!({"name": "Hidden"})).await;
    let gateway = &world.gateway;
    let open = json_of(&gateway.get("/.well-known/agent-card.json").await);
    assert_eq!(open["capabilities"]["extendedAgentCard"], true);
    assert!(!open.to_string().contains("urn:acme:hidden"), "{open}");
    let extended = eventually("the hidden agent", || async {
        let answer = call(gateway, &a(), ("GET", "/a2a/extendedAgentCard"), None).await;
        let card = json_of(&answer);
        card.to_string().contains("urn:acme:hidden").then_some(card)
    })
    .await;
    assert_eq!(extended["skills"].as_array().unwrap().len(), 3, "{extended}");
    let own = call(gateway, &a(), ("GET", "/a2a/urn:acme:hidden/extendedAgentCard"), None).await;
    assert_eq!(json_of(&own)["name"], "Hidden");
    let rpc = gateway.call(&a(), AGENT, "GetExtendedAgentCard", json!({})).await;
    let public = gateway.get("/agents/echo/.well-known/agent-card.json").await;
    assert_eq!(rpc["result"], json_of(&public));
}
