//! SubscribeToTask: a task is followed from where it stands, at any gateway.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use deploy_service::wait_until;
use http::{Request, Response};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind as Order;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

use crate::calls::{at_once, input_required, reply_to, second};
use crate::node::{Node, Push, chunk, working};
use crate::rest::{Events, with_token};
use crate::streams::Stream;
use crate::world::{Gateway, PATIENCE, Peer, World, rpc};

const RPC: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// Follows a task; results of JSON-RPC answers.
async fn subscribe(gateway: &Gateway, id: &Value) -> Events {
    let body = rpc("SubscribeToTask", json!({"id": id}));
    let request = with_token(&gateway.token(&a()), ("POST", RPC), "1.0", Some(&body));
    Events::open(gateway, request).await
}

async fn result(events: &mut Events) -> Value {
    events.event().await.expect("an event")["result"].clone()
}

/// The order to push the events of a task to a further gateway.
async fn follow(node: &mut Node) -> wire::Follow {
    let Order::Follow(follow) = node.order().await else { panic!("expected to be asked") };
    follow
}

async fn push_to(follow: &wire::Follow) -> Push {
    let to = follow.reply_to.clone().expect("where to push");
    Push::open_with(&to.endpoint, &follow.task, follow.epoch, &to.secret).await
}

/// A task that a node has, and that nobody follows; its id.
async fn taken(world: &World, node: &mut Node) -> (Value, wire::Assigned) {
    let sent = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let task = node.take().await;
    assert!(task.reply_to.is_none(), "nobody streams");
    (sent["result"]["task"]["id"].clone(), task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_followed_at_any_gateway_from_where_it_stands_to_its_end() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    for gateway in [&world.gateway, &other] {
        let (id, task) = taken(&world, &mut node).await;
        let mut events = subscribe(gateway, &id).await;
        let first = result(&mut events).await;
        assert_eq!(first["task"]["id"], id, "{first}");
        assert_eq!(first["task"]["status"]["state"], "TASK_STATE_WORKING");
        assert_eq!(first["task"]["history"][0]["messageId"], "m1");
        let asked = follow(&mut node).await;
        assert_eq!((&asked.task, asked.epoch), (&task.task, task.epoch));
        let push = push_to(&asked).await;
        push.event(&chunk("out", &["x"], false)).await;
        push.event(&working("reading")).await;
        push.event(&chunk("out", &["y"], true)).await;
        let so_far = result(&mut events).await;
        assert_eq!(so_far["artifactUpdate"]["artifact"]["parts"], json!([{"text": "x"}]));
        assert!(result(&mut events).await["statusUpdate"].is_object());
        let more = result(&mut events).await;
        assert_eq!(more["artifactUpdate"]["append"], true, "{more}");
        node.complete(&world, &task, "completed", &["x", "y"]).await;
        let end = result(&mut events).await;
        assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
        assert_eq!(events.event().await, None);
    }
    other.shutdown.trigger();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_pushes_nothing_makes_events_late_and_loses_no_artifact() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    let (id, task) = taken(&world, &mut node).await;
    let mut events = subscribe(&other, &id).await;
    assert!(result(&mut events).await["task"].is_object());
    node.complete(&world, &task, "completed", &["x"]).await;
    let whole = result(&mut events).await;
    assert_eq!(whole["artifactUpdate"]["artifact"]["parts"], json!([{"text": "x"}]), "{whole}");
    let end = result(&mut events).await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(events.event().await, None);
    other.shutdown.trigger();
}

/// Caught: who asks now and then saw the next turn, and never that this one had ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_ends_its_stream_though_its_caller_has_gone_on_elsewhere_before_it_was_looked_at() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let other = second(&world, folder.path()).await;
    let mut node = Node::join(&world).await;
    let (id, task) = taken(&world, &mut node).await;
    let mut events = subscribe(&other, &id).await;
    assert!(result(&mut events).await["task"].is_object());
    // The changes of the task are told to the gateway that it was submitted at; this one asks 100 ms later, then less often.
    node.complete(&world, &task, "input-required", &["draft"]).await;
    let mut more = reply_to(&json!({"id": id}), "to Oslo");
    more["configuration"] = json!({"returnImmediately": true});
    let went_on = world.gateway.call(&a(), RPC, "SendMessage", more).await;
    assert!(went_on["result"]["task"].is_object(), "{went_on}");
    let made = result(&mut events).await;
    assert_eq!(made["artifactUpdate"]["artifact"]["parts"], json!([{"text": "draft"}]), "{made}");
    let end = result(&mut events).await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{end}");
    assert_eq!(end["statusUpdate"]["status"]["message"]["messageId"], "m-end", "{end}");
    assert_eq!(events.event().await, None);
    other.shutdown.trigger();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_its_stream_hears_its_task_again_beside_another_who_follows_it() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = Stream::open(&world, &a()).await;
    let id = stream.event().await.unwrap()["task"]["id"].clone();
    let task = node.take().await;
    let mut events = subscribe(&world.gateway, &id).await;
    assert_eq!(result(&mut events).await["task"]["id"], id);
    let (own, further) = (Push::open(&task).await, push_to(&follow(&mut node).await).await);
    for push in [&own, &further] {
        push.event(&chunk("out", &["x"], false)).await;
    }
    assert!(stream.event().await.unwrap()["artifactUpdate"].is_object());
    assert!(result(&mut events).await["artifactUpdate"].is_object());
    drop(stream);
    further.event(&working("still")).await;
    assert!(result(&mut events).await["statusUpdate"].is_object(), "one who leaves takes nobody");
    node.complete(&world, &task, "completed", &["x"]).await;
    let end = result(&mut events).await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
    assert_eq!(events.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_of_a_task_that_waited_is_asked_once_there_is_one() {
    let world = World::start().await;
    let sent = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let mut events = subscribe(&world.gateway, &sent["result"]["task"]["id"]).await;
    let first = result(&mut events).await;
    assert_eq!(first["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{first}");
    let mut node = Node::join(&world).await;
    let task = node.take().await;
    let push = push_to(&follow(&mut node).await).await;
    push.event(&working("at last")).await;
    let told = async {
        loop {
            let event = result(&mut events).await;
            if event["statusUpdate"]["status"]["state"] == "TASK_STATE_WORKING" {
                return;
            }
        }
    };
    told.await;
    node.complete(&world, &task, "completed", &[]).await;
    let end = result(&mut events).await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
}

/// A way to the registry on which it is seen how often it has answered a FollowTask, and where these can be held.
#[derive(Clone)]
struct Way {
    registry: Channel,
    holds: bool,
    answered: watch::Sender<usize>,
}

impl Way {
    /// A world whose gateway reaches the registry by it.
    async fn start(holds: bool) -> (World, watch::Receiver<usize>) {
        let (answered, seen) = watch::channel(0);
        let world = World::with(|config| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let to = std::mem::replace(&mut config.registry, vec![url]).remove(0);
            let registry = Endpoint::from_shared(to).unwrap().connect_lazy();
            let way = Self { registry, holds, answered };
            let listener = TcpListener::from_std(listener).unwrap();
            let routes = Router::new().fallback(pass).with_state(way);
            tokio::spawn(async move { axum::serve(listener, routes).await });
        });
        (world.await, seen)
    }
}

async fn pass(State(way): State<Way>, request: Request<Body>) -> Response<Body> {
    let is_follow = request.uri().path().ends_with("/FollowTask");
    if is_follow && way.holds {
        return std::future::pending().await;
    }
    let answer = way.registry.oneshot(request.map(tonic::body::Body::new)).await;
    if is_follow {
        way.answered.send_modify(|count| *count += 1);
    }
    answer.map_or_else(|_| Response::default(), |answer| answer.map(Body::new))
}

/// Caught: a gateway that asks once, and never hears that nobody was there to be asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_had_no_session_when_it_was_to_be_asked_is_asked_again() {
    let (world, mut answered) = Way::start(false).await;
    let mut node = Node::join(&world).await;
    let (id, task) = taken(&world, &mut node).await;
    let away = node.hang_up(&world).await;
    let mut events = subscribe(&world.gateway, &id).await;
    assert!(result(&mut events).await["task"].is_object());
    let asked = wait_until(&mut answered, |count| *count > 0);
    timeout(PATIENCE, asked).await.expect("the registry is asked").unwrap();
    let mut node = away.dial(&world, &task).await;
    let push = push_to(&follow(&mut node).await).await;
    push.event(&working("at last")).await;
    let told = result(&mut events).await;
    assert_eq!(told["statusUpdate"]["status"]["message"]["parts"][0]["text"], "at last", "{told}");
}

/// Less than a FollowTask without an answer was waited for, before anything was told.
const WAITED: Duration = Duration::from_secs(4);

/// Caught: a task that is told once its node was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_task_nor_its_end_is_told_later_because_its_node_cannot_be_asked() {
    let (world, _answered) = Way::start(true).await;
    let mut node = Node::join(&world).await;
    let (id, task) = taken(&world, &mut node).await;
    let began = Instant::now();
    let mut events = subscribe(&world.gateway, &id).await;
    assert!(result(&mut events).await["task"].is_object());
    node.complete(&world, &task, "completed", &["x"]).await;
    assert!(result(&mut events).await["artifactUpdate"].is_object());
    let end = result(&mut events).await;
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
    assert!(began.elapsed() < WAITED, "{:?}", began.elapsed());
}

/// Caught: a node that keeps a place for a gateway whose caller has left, for as long as its run is silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_ends_when_its_caller_leaves_and_not_at_the_next_event() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let (id, _) = taken(&world, &mut node).await;
    let mut events = subscribe(&world.gateway, &id).await;
    assert!(result(&mut events).await["task"].is_object());
    let push = push_to(&follow(&mut node).await).await;
    push.event(&working("reading")).await;
    assert!(result(&mut events).await["statusUpdate"].is_object());
    drop(events);
    let ended = timeout(PATIENCE, push.ended).await.expect("the push ends").unwrap();
    assert_eq!(ended.unwrap(), 1);
}

/// Two followers of a task that waits for its caller: each was told how it stands.
async fn waiting(world: &World, node: &mut Node) -> (Value, Vec<Events>) {
    let task = input_required(world, node).await;
    let path = format!("{RPC}/tasks/{}:subscribe", task["id"].as_str().unwrap());
    let mut followers = Vec::new();
    for method in ["GET", "POST"] {
        let token = world.gateway.token(&a());
        let request = with_token(&token, (method, &path), "1.0", None);
        let mut events = Events::open(&world.gateway, request).await;
        let first = events.event().await.unwrap();
        assert_eq!(first["task"]["status"], task["status"], "{first}");
        assert_eq!(first["task"]["artifacts"], task["artifacts"]);
        followers.push(events);
    }
    (task, followers)
}

/// Caught by the conformance kit: the stream ended with the task, and nobody saw what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_waits_for_its_caller_is_told_and_its_next_turn_is_followed_to_its_end() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let (task, followers) = waiting(&world, &mut node).await;
    let mut more = reply_to(&task, "to Oslo");
    more["configuration"] = json!({"returnImmediately": true});
    let went_on = world.gateway.call(&a(), RPC, "SendMessage", more).await;
    assert!(went_on["result"]["task"].is_object(), "{went_on}");
    let next = node.take().await;
    node.complete(&world, &next, "completed", &["ticket"]).await;
    for mut events in followers {
        let made = events.event().await.unwrap();
        let parts = &made["artifactUpdate"]["artifact"]["parts"];
        assert_eq!(*parts, json!([{"text": "ticket"}]), "{made}");
        let end = events.event().await.unwrap();
        assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{end}");
        assert_eq!(events.event().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_waits_for_its_caller_is_followed_to_the_end_that_its_caller_gives_it() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let (task, followers) = waiting(&world, &mut node).await;
    let canceled = world.gateway.call(&a(), RPC, "CancelTask", json!({"id": task["id"]})).await;
    assert!(canceled["result"].is_object(), "{canceled}");
    for mut events in followers {
        let end = events.event().await.unwrap();
        assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_CANCELED", "{end}");
        assert_eq!(events.event().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_an_ended_task_nor_anothers_is_followed() {
    let world = World::start().await;
    let sent = world.gateway.call(&a(), RPC, "SendMessage", at_once("hello")).await;
    let named = json!({"id": sent["result"]["task"]["id"]});
    let other = Peer::new("c", 3);
    let foreign = world.gateway.call(&other, RPC, "SubscribeToTask", named.clone()).await;
    assert_eq!(foreign["error"]["code"], -32001, "{foreign}");
    world.gateway.call(&a(), RPC, "CancelTask", named.clone()).await;
    let ended = world.gateway.call(&a(), RPC, "SubscribeToTask", named).await;
    assert_eq!(ended["error"]["code"], -32004, "{ended}");
    let info = &ended["error"]["data"][0];
    assert_eq!(
        (&info["reason"], &info["metadata"]["code"]),
        (&json!("UNSUPPORTED_OPERATION"), &json!("task-ended"))
    );
}
