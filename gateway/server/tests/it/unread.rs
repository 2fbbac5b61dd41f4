//! What a caller leaves unread: all of it counts, and who has its share of it is refused before anything is done.

use std::time::Duration;

use axum::body::Body;
use deploy_service::units;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::calls::{input_required, reply_to};
use crate::node::{Node, Push, chunk};
use crate::streams::Stream;
use crate::world::{PATIENCE, Peer, World, eventually, json_of, message, rpc};

const RPC: &str = "/agents/echo";

/// An event; some dozens of them are all that a peer may leave unread.
const LONG: usize = 900 << 10;
/// What has no room where an event has none.
const LONGER: usize = 940 << 10;

/// An open stream on a connection that takes nothing of it: its events stay at the gateway.
struct Unread {
    _answer: Response<Incoming>,
    _send: SendRequest<Body>,
    _connection: JoinSet<()>,
}

impl Unread {
    async fn open(world: &World, peer: &Peer, text: &str) -> Self {
        let body = rpc("SendStreamingMessage", message(text)).to_string();
        let mut request = world.gateway.request(peer, RPC, &body);
        *request.uri_mut() = format!("http://{}{RPC}", world.gateway.addr).parse().unwrap();
        let stream = TokioIo::new(TcpStream::connect(world.gateway.addr).await.unwrap());
        let mut builder = Builder::new(TokioExecutor::new());
        let (mut send, connection) =
            builder.initial_stream_window_size(0).handshake(stream).await.unwrap();
        let mut running = JoinSet::new();
        running.spawn(async move { drop(connection.await) });
        send.ready().await.unwrap();
        let answer = timeout(PATIENCE, send.send_request(request)).await.unwrap().unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { _answer: answer, _send: send, _connection: running }
    }

    /// A stream whose events are all that its peer may leave unread.
    async fn fill(world: &World, node: &mut Node, peer: &Peer) -> Self {
        let unread = Self::open(world, peer, "hello").await;
        let task = node.take().await;
        let push = Push::open(&task).await;
        let long = "x".repeat(LONG);
        let event = chunk("out", &[&long], false);
        let filled = timeout(PATIENCE, async {
            // It ends with the first event that has no room.
            while !push.ended.is_finished() {
                push.try_event(&event).await;
                node.beat().await;
            }
        });
        filled.await.expect("the share is full");
        unread
    }
}

async fn start() -> World {
    // No task ends by its deadline.
    World::with(|config| config.bounds.task_deadline = units::Duration::from_secs(600)).await
}

/// What its caller leaves unread, a task that asked for more, and a message to it that there is no room to tell.
async fn without_room(world: &World, node: &mut Node, caller: &Peer) -> (Unread, Value, Value) {
    let first = input_required(world, node).await;
    let unread = Unread::fill(world, node, caller).await;
    let mut params = reply_to(&first, "to Oslo");
    params["message"]["parts"] = json!([{ "text": "x".repeat(LONGER) }]);
    (unread, first, params)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_room_is_refused_before_its_message_continues_a_task() {
    let world = start().await;
    let mut node = Node::join(&world).await;
    let caller = Peer::new("a", 1);
    let (_unread, first, params) = without_room(&world, &mut node, &caller).await;
    let body = rpc("SendStreamingMessage", params).to_string();
    let refused = world.gateway.post(&caller, RPC, &body).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(json_of(&refused)["error"]["code"], -32047);
    let seen = world.gateway.call(&caller, RPC, "GetTask", json!({"id": first["id"]})).await;
    assert_eq!(seen["result"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{seen}");
}

/// Caught: there had to be room for all of the history, although none of it is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_tells_no_history_needs_no_room_for_it() {
    let world = start().await;
    let mut node = Node::join(&world).await;
    let caller = Peer::new("a", 1);
    let (_unread, _, mut params) = without_room(&world, &mut node, &caller).await;
    params["configuration"] = json!({ "historyLength": 0 });
    let body = rpc("SendStreamingMessage", params).to_string();
    let answer = world.gateway.open(world.gateway.request(&caller, RPC, &body)).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_stream_has_to_find_room_among_what_its_caller_leaves_unread() {
    let world = start().await;
    let mut node = Node::join(&world).await;
    let caller = Peer::new("a", 1);
    let mut stream = Stream::open(&world, &caller).await;
    assert!(stream.event().await.unwrap()["task"].is_object());
    let task = node.take().await;
    let unread = Unread::fill(&world, &mut node, &caller).await;
    node.complete(&world, &task, "completed", &[&"x".repeat(LONGER)]).await;
    eventually("the end", || async {
        let task = json!({"id": task.task});
        let seen = world.gateway.call(&caller, RPC, "GetTask", task).await;
        (seen["result"]["status"]["state"] == "TASK_STATE_COMPLETED").then_some(())
    })
    .await;
    let early = timeout(Duration::from_secs(3), stream.event()).await;
    assert!(early.is_err(), "there is no room for it");
    drop(unread);
    assert!(stream.event().await.unwrap()["artifactUpdate"].is_object());
    let end = stream.event().await.unwrap();
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(stream.event().await, None);
}

/// Of so many streams the registry's answers fill the window of a connection (5 MiB).
const STREAMS: u32 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_nobody_reads_keep_no_answer_of_the_registry_from_another_peer() {
    let world = start().await;
    let mut node = Node::join_with(&world, STREAMS).await;
    let (idle, other) = (Peer::new("a", 1), Peer::new("c", 3));
    let seen = input_required(&world, &mut node).await;
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        let unread = Unread::open(&world, &idle, &"x".repeat(LONG)).await;
        let task = node.take().await;
        let push = Push::open(&task).await;
        // It is told while the registry, which has reported that the task was taken, is being asked.
        push.try_event(&chunk("out", &["first"], false)).await;
        open.push((unread, push));
    }
    // The registry is asked of each stream now and then, too.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let task = json!({"id": seen["id"]});
    let answer = timeout(PATIENCE / 2, world.gateway.call(&other, RPC, "GetTask", task)).await;
    let answer = answer.expect("another peer is answered");
    assert_eq!(answer["error"]["code"], -32001, "it is not its task: {answer}");
}
