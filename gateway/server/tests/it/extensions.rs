//! The declared extensions: the same message again is the same task, and a stream goes on after the event that was read last.

use axum::body::{Body, Bytes};
use gateway_core::extensions::{IDEMPOTENT_SEND, RESUMABLE_STREAMS};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use proto_wire::gateway::v1::Open;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind as Order;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::calls::{at_once, reply_to, second};
use crate::node::{Node, Push, chunk, working};
use crate::rest::with_token;
use crate::world::{Gateway, PATIENCE, Peer, World, json_of, message, rpc};

const RPC: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// The request with this header.
fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    request
}

/// A message of the peer that asks for idempotence.
fn repeatable(gateway: &Gateway, params: &Value) -> Request<Body> {
    let body = rpc("SendMessage", params.clone()).to_string();
    with(gateway.request(&a(), RPC, &body), "a2a-extensions", IDEMPOTENT_SEND)
}

async fn send(gateway: &Gateway, params: &Value) -> Response<Bytes> {
    gateway.send(repeatable(gateway, params)).await
}

fn task_of(answer: &Response<Bytes>) -> Value {
    let answer = json_of(answer);
    assert!(answer["result"]["task"].is_object(), "{answer}");
    answer["result"]["task"].clone()
}

/// How many tasks the peer has.
async fn tasks(world: &World) -> usize {
    let listed = world.gateway.call(&a(), RPC, "ListTasks", json!({})).await;
    listed["result"]["tasks"].as_array().unwrap().len()
}

/// Events over HTTP+JSON, each with its id.
struct EventStream {
    body: hyper::body::Incoming,
    pending: String,
}

impl EventStream {
    async fn open(gateway: &Gateway, request: Request<Body>) -> Self {
        let response = gateway.open(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), pending: String::new() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((frame, rest)) = self.pending.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.pending = rest;
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
                if let Some(data) = field("data: ") {
                    let id = field("id: ").unwrap_or_default().to_owned();
                    return Some((id, serde_json::from_str(data).unwrap()));
                }
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("a frame")?;
            let data = frame.unwrap().into_data().unwrap();
            self.pending.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn event(&mut self) -> (String, Value) {
        self.next().await.expect("an event")
    }
}

/// A stream whose events have ids, from its beginning.
async fn stream(gateway: &Gateway, uris: &str) -> EventStream {
    let (token, path) = (gateway.token(&a()), "/agents/echo/message:stream");
    let request = with_token(&token, ("POST", path), "1.0", Some(&message("hello")));
    EventStream::open(gateway, with(request, "a2a-extensions", uris)).await
}

/// The stream of a task, after the event of this id.
fn resumes(gateway: &Gateway, task: &str, last: &str) -> Request<Body> {
    let (token, path) = (gateway.token(&a()), format!("/agents/echo/tasks/{task}:subscribe"));
    let request = with_token(&token, ("GET", &path), "1.0", None);
    with(with(request, "a2a-extensions", RESUMABLE_STREAMS), "last-event-id", last)
}

async fn resume(gateway: &Gateway, task: &str, last: &str) -> EventStream {
    EventStream::open(gateway, resumes(gateway, task, last)).await
}

async fn follow(node: &mut Node) -> wire::Follow {
    let Order::Follow(follow) = node.order().await else { panic!("expected to be asked") };
    follow
}

/// A push that says where it goes on.
async fn push(follow: &wire::Follow, after: Option<u64>) -> Push {
    let to = follow.reply_to.clone().expect("where to push");
    let (task, epoch, secret) = (follow.task.clone(), follow.epoch, to.secret);
    Push::begin(&to.endpoint, Open { task, epoch, secret, after }).await
}

/// A stream that has told its task and two events, its task, the ids of what it has told, and what pushes to it.
async fn begun(world: &World, node: &mut Node) -> (EventStream, wire::Assigned, [String; 3], Push) {
    let mut told = stream(&world.gateway, RESUMABLE_STREAMS).await;
    let (at_first, first) = told.event().await;
    assert!(first["task"].is_object(), "{first}");
    let task = node.take().await;
    let to = task.reply_to.clone().unwrap();
    let (name, epoch, secret) = (task.task.clone(), task.epoch, to.secret);
    let open = Open { task: name, epoch, secret, after: Some(0) };
    let push = Push::begin(&to.endpoint, open).await;
    push.marked(&working("reading"), (1, false)).await;
    push.marked(&chunk("out", &["x"], false), (2, false)).await;
    let (at_status, status) = told.event().await;
    assert!(status["statusUpdate"].is_object(), "{status}");
    let (at_artifact, artifact) = told.event().await;
    assert!(artifact["artifactUpdate"].is_object(), "{artifact}");
    (told, task, [at_first, at_status, at_artifact], push)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_again_is_the_same_task_at_any_gateway_before_its_end_and_after() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    let first = send(&world.gateway, &at_once("hello")).await;
    assert_eq!(first.headers()["a2a-extensions"], IDEMPOTENT_SEND);
    let (first, run) = (task_of(&first), node.take().await);
    assert_eq!(first["id"], run.task.as_str());
    for gateway in [&world.gateway, &other] {
        let again = task_of(&send(gateway, &at_once("hello")).await);
        assert_eq!((&again["id"], &again["contextId"]), (&first["id"], &first["contextId"]));
    }
    node.complete(&world, &run, "completed", &["x"]).await;
    for gateway in [&world.gateway, &other] {
        let ended = task_of(&send(gateway, &message("hello")).await);
        assert_eq!(ended["id"], first["id"]);
        assert_eq!(ended["status"]["state"], "TASK_STATE_COMPLETED", "{ended}");
        assert_eq!(ended["artifacts"][0]["parts"], json!([{"text": "x"}]));
        assert_eq!(ended["history"][0]["messageId"], "m1");
    }
    // Who has learned of the conversation may name it.
    let mut known = at_once("hello");
    known["message"]["contextId"] = first["contextId"].clone();
    assert_eq!(task_of(&send(&world.gateway, &known).await)["id"], first["id"]);
    assert_eq!(tasks(&world).await, 1);
    other.shutdown.trigger();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_at_once_one_begins_the_task() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let params = at_once("hello");
    let gateways = [&world.gateway, &other].into_iter().cycle().take(20);
    let all = gateways.map(|gateway| send(gateway, &params));
    let answers = futures_util::future::join_all(all).await;
    let first = task_of(&answers[0])["id"].clone();
    for answer in &answers {
        assert_eq!(task_of(answer)["id"], first);
    }
    assert_eq!(tasks(&world).await, 1);
    other.shutdown.trigger();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_ask_for_it_gets_a_task_for_each_message_and_no_other_callers() {
    let world = World::start().await;
    let plain = async || {
        let body = rpc("SendMessage", at_once("hello")).to_string();
        let answer = world.gateway.post(&a(), RPC, &body).await;
        assert!(!answer.headers().contains_key("a2a-extensions"));
        task_of(&answer)["id"].clone()
    };
    let own = task_of(&send(&world.gateway, &at_once("hello")).await)["id"].clone();
    let ids = [plain().await, plain().await, own];
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    let body = rpc("SendMessage", at_once("hello")).to_string();
    let request = world.gateway.request(&Peer::new("c", 3), RPC, &body);
    let strangers = world.gateway.send(with(request, "a2a-extensions", IDEMPOTENT_SEND)).await;
    assert!(!ids.contains(&task_of(&strangers)["id"]));
}

/// Caught: a different message was answered with the task of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_different_message_of_the_same_id_is_refused_and_begins_nothing() {
    let world = World::start().await;
    task_of(&send(&world.gateway, &at_once("hello")).await);
    let mut elsewhere = at_once("hello");
    elsewhere["message"]["contextId"] = json!("another");
    for different in [at_once("good-bye"), elsewhere] {
        let refused = json_of(&send(&world.gateway, &different).await);
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
        assert!(refused.to_string().contains("messageId"), "{refused}");
    }
    assert_eq!(tasks(&world).await, 1);
}

/// Caught: a message was compared with the newest one of its task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_message_that_began_a_task_finds_it_though_it_has_been_gone_on_with() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let first = task_of(&send(&world.gateway, &at_once("hello")).await);
    let run = node.take().await;
    node.complete(&world, &run, "input-required", &["draft"]).await;
    let mut more = reply_to(&first, "to Oslo");
    more["configuration"] = json!({"returnImmediately": true});
    task_of(&send(&world.gateway, &more).await);
    let again = task_of(&send(&world.gateway, &at_once("hello")).await);
    assert_eq!(again["id"], first["id"]);
    let said: Vec<_> = again["history"].as_array().unwrap().iter().collect();
    let ids: Vec<_> = said.iter().map(|message| message["messageId"].clone()).collect();
    assert_eq!(ids, [json!("m1"), json!("m-end"), json!("to Oslo")]);
}

/// Caught: a token that came with a message whose task was there already was not spent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_counts_once_though_the_task_is_there() {
    let world = World::start().await;
    let gateway = &world.gateway;
    for _ in 0..2 {
        let token = format!("Bearer {}", gateway.token(&a()));
        let shown = || with(repeatable(gateway, &at_once("hello")), "authorization", &token);
        task_of(&gateway.send(shown()).await);
        let refused = gateway.send(shown()).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_goes_on_when_its_caller_hangs_up_and_a_second_stream_hears_its_node() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    let lost = stream(&world.gateway, IDEMPOTENT_SEND).await;
    let run = node.take().await;
    drop(lost);
    let own = run.reply_to.clone().unwrap();
    let mut told = stream(&other, IDEMPOTENT_SEND).await;
    let (id, first) = told.event().await;
    assert_eq!(
        (id.as_str(), &first["task"]["id"]),
        ("", &json!(run.task)),
        "no ids without asking"
    );
    let asked = loop {
        // The first gateway has asked, too: it cannot know that it was the first.
        let asked = follow(&mut node).await;
        if asked.reply_to.as_ref().unwrap().secret != own.secret {
            break asked;
        }
    };
    assert_eq!(asked.after, None);
    let push = push(&asked, None).await;
    push.event(&working("reading")).await;
    assert!(told.event().await.1["statusUpdate"].is_object());
    node.complete(&world, &run, "completed", &["x"]).await;
    assert!(told.event().await.1["artifactUpdate"].is_object());
    let (_, end) = told.event().await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(told.next().await, None);
    // And once it has ended.
    let mut ended = stream(&world.gateway, IDEMPOTENT_SEND).await;
    let (_, first) = ended.event().await;
    assert_eq!(first["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{first}");
    assert_eq!(ended.next().await, None);
    other.shutdown.trigger();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_cut_goes_on_at_another_gateway_and_nothing_is_lost_or_told_again() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    let (cut, run, [_, last, lost], _push) = begun(&world, &mut node).await;
    drop(cut);
    let mut told = resume(&other, &run.task, &last).await;
    let asked = follow(&mut node).await;
    assert_eq!((asked.epoch, asked.after), (run.epoch, Some(1)));
    let push = push(&asked, asked.after).await;
    push.marked(&chunk("out", &["x"], false), (2, false)).await;
    push.marked(&chunk("out", &["x"], false), (0, true)).await;
    push.marked(&chunk("out", &["y"], true), (3, false)).await;
    push.marked(&chunk("out", &["y"], true), (3, false)).await;
    push.marked(&working("writing"), (4, false)).await;
    let (id, event) = told.event().await;
    assert_eq!(id, lost, "{event}");
    assert_eq!(event["artifactUpdate"]["artifact"]["parts"], json!([{"text": "x"}]));
    let (_, event) = told.event().await;
    assert_eq!(event["artifactUpdate"]["artifact"]["parts"], json!([{"text": "y"}]));
    assert!(told.event().await.1["statusUpdate"].is_object());
    assert_eq!(push.end().await.unwrap(), 5);
    node.complete(&world, &run, "completed", &["x", "y"]).await;
    let (at_end, end) = told.event().await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
    assert_eq!(told.next().await, None);
    let ended = other.send(resumes(&other, &run.task, &at_end)).await;
    assert_eq!(json_of(&ended)["error"]["details"][0]["metadata"]["code"], "task-ended");
    other.shutdown.trigger();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_what_its_node_has_not_kept_is_told_the_task_and_its_artifacts_anew() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let (cut, run, [_, last, _], _push) = begun(&world, &mut node).await;
    drop(cut);
    let mut told = resume(&world.gateway, &run.task, &last).await;
    let push = push(&follow(&mut node).await, None).await;
    push.marked(&chunk("out", &["x", "y"], false), (0, false)).await;
    push.marked(&working("writing"), (9, false)).await;
    let (_, first) = told.event().await;
    assert_eq!(first["task"]["status"]["state"], "TASK_STATE_WORKING", "{first}");
    let (_, whole) = told.event().await;
    let parts = &whole["artifactUpdate"]["artifact"]["parts"];
    assert_eq!(*parts, json!([{"text": "x"}, {"text": "y"}]), "{whole}");
    let (id, _) = told.event().await;
    assert!(id.starts_with(&format!("{}.9.", run.epoch)), "{id}");
    node.complete(&world, &run, "completed", &["x", "y"]).await;
    let (_, end) = told.event().await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
    assert_eq!(told.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_after_the_end_is_told_what_was_made_and_how_it_ended() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let (cut, run, ids, _push) = begun(&world, &mut node).await;
    drop(cut);
    node.complete(&world, &run, "completed", &["x", "y"]).await;
    for last in ids {
        let mut told = resume(&world.gateway, &run.task, &last).await;
        let (_, made) = told.event().await;
        let parts = &made["artifactUpdate"]["artifact"]["parts"];
        assert_eq!(*parts, json!([{"text": "x"}, {"text": "y"}]), "{made}");
        let (_, end) = told.event().await;
        assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
        assert_eq!(told.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_of_no_event_of_the_task_is_refused_and_none_counts_for_who_has_not_asked() {
    let world = World::start().await;
    let sent = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let mut of_another = stream(&world.gateway, RESUMABLE_STREAMS).await;
    let (foreign, _) = of_another.event().await;
    let named = rpc("SubscribeToTask", json!({"id": sent["result"]["task"]["id"]})).to_string();
    for last in [foreign.as_str(), "", "7", "1.2.3"] {
        let request = with(world.gateway.request(&a(), RPC, &named), "last-event-id", last);
        let asks = with(request, "a2a-extensions", RESUMABLE_STREAMS);
        let refused = json_of(&world.gateway.send(asks).await);
        assert_eq!(refused["error"]["code"], -32602, "{last}: {refused}");
        assert!(refused.to_string().contains("Last-Event-ID"), "{refused}");
        let plain = with(world.gateway.request(&a(), RPC, &named), "last-event-id", last);
        let mut told = EventStream::open(&world.gateway, plain).await;
        let (id, first) = told.event().await;
        assert!(first["result"]["task"].is_object(), "{last}: {first}");
        assert_eq!(id, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_of_our_own_making_declare_the_extensions() {
    let world = World::start().await;
    for path in ["/.well-known/agent-card.json", "/agents/echo/.well-known/agent-card.json"] {
        let card = json_of(&world.gateway.get(path).await);
        let declared = card["capabilities"]["extensions"].as_array().unwrap();
        let uris: Vec<_> = declared.iter().map(|one| one["uri"].clone()).collect();
        assert_eq!(uris, [json!(IDEMPOTENT_SEND), json!(RESUMABLE_STREAMS)], "{path}");
    }
}
