//! SendStreamingMessage: what the caller sees, in which order, and what nodes may push.

use std::time::{Duration, Instant};

use deploy_service::units;
use gateway_server::Bounds;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::calls::{at_once, greeting, input_required, reply_to, waiting};
use crate::node::{Node, Push, chunk, working};
use crate::world::{PATIENCE, Peer, World, eventually, json_of, message, revoke, rpc, suspend};

/// An open stream of events.
pub(crate) struct Stream {
    body: hyper::body::Incoming,
    pending: String,
    /// Comments seen so far.
    comments: usize,
}

impl Stream {
    pub(crate) async fn open(world: &World, peer: &Peer) -> Self {
        Self::send(world, peer, message("hello")).await
    }

    async fn send(world: &World, peer: &Peer, params: Value) -> Self {
        let body = rpc("SendStreamingMessage", params).to_string();
        let response = world.gateway.open(world.gateway.request(peer, "/agents/echo", &body)).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), pending: String::new(), comments: 0 }
    }

    /// The next event's result; `None` at the end.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        self.answer().await.map(|answer| answer["result"].clone())
    }

    /// The next event; `None` at the end.
    pub(crate) async fn answer(&mut self) -> Option<Value> {
        loop {
            while let Some((frame, rest)) = self.pending.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.pending = rest;
                match frame.strip_prefix("data: ") {
                    Some(data) => {
                        let answer: Value = serde_json::from_str(data).unwrap();
                        assert_eq!(
                            (&answer["jsonrpc"], &answer["id"]),
                            (&json!("2.0"), &json!("call-1"))
                        );
                        return Some(answer);
                    }
                    None => self.comments += usize::from(frame.starts_with(':')),
                }
            }
            let frame = self.frame().await?;
            self.pending.push_str(&frame);
        }
    }

    /// The next frame as it was sent.
    async fn frame(&mut self) -> Option<String> {
        let frame = timeout(PATIENCE, self.body.frame()).await.expect("a frame")?;
        let data = frame.unwrap().into_data().unwrap();
        Some(std::str::from_utf8(&data).unwrap().to_owned())
    }
}

/// All timers are at their defaults: one that is computed anew whenever another goes off never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_gets_a_comment_ten_seconds_after_its_last_frame_at_all_defaults() {
    let world = World::with(|config| config.bounds = Bounds::default()).await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    stream.event().await.unwrap();
    for _ in 0..2 {
        let last = Instant::now();
        assert_eq!(stream.frame().await.as_deref(), Some(": \n\n"));
        let silent = last.elapsed().as_secs_f64();
        assert!((9.5..13.0).contains(&silent), "{silent} s");
    }
}

/// The heartbeat of these tests is 200 ms. A registry that is away is asked every two seconds, each time for five.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_gets_its_comments_while_a_registry_that_is_away_is_asked() {
    let world = World::with(|config| {
        config.bounds.task_deadline = units::Duration::from_secs(120);
    })
    .await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    stream.event().await.unwrap();
    world.stop_registry();
    eventually("the registry's end", || async {
        let body = rpc("GetTask", json!({"id": "t1"})).to_string();
        let answer = world.gateway.post(&Peer::new("c", 3), "/agents/echo", &body).await;
        (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(8) {
        let frame = timeout(Duration::from_secs(3), stream.frame()).await;
        let frame = frame.expect("a comment while the registry is asked").unwrap();
        assert!(frame.starts_with(':'), "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_some_readers_take_for_a_line_end_is_escaped_in_a_frame() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    stream.event().await.unwrap();
    let task = node.take().await;
    let text = "a\u{2028}b\u{2029}c\u{85}d";
    let push = Push::open(&task).await;
    push.event(&working(text)).await;
    let mut frame = String::new();
    while !frame.contains("TASK_STATE_WORKING") {
        frame = stream.frame().await.unwrap();
    }
    assert!(!frame.contains(['\u{2028}', '\u{2029}', '\u{85}']), "{frame}");
    let event: Value = serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap();
    let message = &event["result"]["statusUpdate"]["status"]["message"];
    assert_eq!(message["parts"][0]["text"], text);
}

/// After what time a peer that is suspended or revoked is told nothing more, as docs/runbooks/revoke-a-peer.md promises.
const CUT_OFF_MAX: Duration = Duration::from_secs(60);
/// What a busy machine takes beside it.
const SLACK: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_stream_ends_within_the_published_bound_when_its_peer_is_suspended_or_revoked() {
    for is_revoked in [false, true] {
        let world = World::start().await;
        let mut node = Node::join(&world).await;
        let peer = Peer::new("a", 1);
        let mut stream = Stream::open(&world, &peer).await;
        stream.event().await.unwrap();
        let task = node.take().await;
        let push = Push::open(&task).await;
        match is_revoked {
            true => revoke(&world.channel, &peer).await,
            false => suspend(&world.channel, &peer).await,
        }
        let refused = async {
            loop {
                push.try_event(&chunk("out", &["x"], true)).await;
                let answer = stream.answer().await.unwrap();
                if answer.get("error").is_some() {
                    return answer;
                }
            }
        };
        let end = timeout(CUT_OFF_MAX + SLACK, refused).await.expect("the stream's end");
        assert_eq!(end["error"]["code"], -32040, "{end}");
        assert_eq!(stream.answer().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_comes_first_then_updates_then_the_committed_end() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    let first = stream.event().await.unwrap();
    let task = node.take().await;
    assert_eq!(first["task"]["id"], task.task.as_str());

    let push = Push::open(&task).await;
    push.event(&working("reading")).await;
    let update = stream.event().await.unwrap();
    assert_eq!(update["statusUpdate"]["status"]["state"], "TASK_STATE_WORKING");
    assert_eq!(update["statusUpdate"]["taskId"], task.task.as_str(), "ids are the gateway's");
    push.event(&chunk("out", &["x"], false)).await;
    push.event(&chunk("out", &["y"], true)).await;
    for (text, append) in [("x", false), ("y", true)] {
        let update = stream.event().await.unwrap();
        assert_eq!(update["artifactUpdate"]["artifact"]["parts"], json!([{"text": text}]));
        assert_eq!(update["artifactUpdate"].get("append").is_some(), append);
    }
    assert_eq!(push.end().await.unwrap(), 3);
    node.complete(&world, &task, "completed", &["x", "y"]).await;
    let end = stream.event().await.unwrap();
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "no artifact twice");
    assert_eq!(end["statusUpdate"]["status"]["message"]["parts"][0]["text"], "done");
    assert_eq!(stream.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_push_has_lost_comes_from_the_outcome_before_the_end() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    stream.event().await.unwrap();
    let task = node.take().await;
    let push = Push::open(&task).await;
    push.event(&chunk("out", &["x"], false)).await;
    assert!(stream.event().await.unwrap()["artifactUpdate"].is_object());
    node.complete(&world, &task, "completed", &["x", "y"]).await;
    let whole = stream.event().await.unwrap();
    assert_eq!(whole["artifactUpdate"]["artifact"]["parts"], json!([{"text": "x"}, {"text": "y"}]));
    let end = stream.event().await.unwrap();
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(stream.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_cannot_tell_the_end_nor_push_without_the_secret() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    stream.event().await.unwrap();
    let task = node.take().await;
    let to = task.reply_to.clone().unwrap();
    for (name, epoch, secret) in [
        (task.task.as_str(), task.epoch, "wrong"),
        ("another-task", task.epoch, to.secret.as_str()),
    ] {
        let push = Push::open_with(&to.endpoint, name, epoch, secret).await;
        assert_eq!(push.end().await.unwrap_err().code(), Code::NotFound);
    }
    let push = Push::open(&task).await;
    let ended = json!({"statusUpdate": {
        "taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"},
    }});
    push.event(&ended).await;
    push.event(&working("still")).await;
    let shown = stream.event().await.unwrap();
    assert_eq!(shown["statusUpdate"]["status"]["state"], "TASK_STATE_WORKING");
    push.event(&json!({"task": {}})).await;
    assert_eq!(push.end().await.unwrap_err().code(), Code::InvalidArgument);
    node.complete(&world, &task, "failed", &[]).await;
    let mut last = Value::Null;
    while let Some(event) = stream.event().await {
        last = event;
    }
    assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_is_kept_alive_and_a_client_that_leaves_is_forgotten() {
    let world = World::start().await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    stream.event().await.unwrap();
    // The heartbeat of these tests is 200 ms and nobody runs the task.
    let beats = timeout(PATIENCE, async {
        while stream.comments < 2 {
            let frame = stream.body.frame().await.unwrap().unwrap().into_data().unwrap();
            stream.comments += usize::from(frame.starts_with(b":"));
        }
    });
    beats.await.unwrap();
    waiting(&world, 1).await;
    drop(stream);
    waiting(&world, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_tells_when_what_its_task_waits_for_has_changed() {
    let world = World::start().await;
    let mut node = Node::join_with(&world, 1).await;
    let caller = Peer::new("a", 1);
    world.gateway.call(&caller, "/agents/echo", "SendMessage", at_once("hello")).await;
    node.take().await;
    let mut stream = Stream::open(&world, &caller).await;
    let first = stream.event().await.unwrap();
    assert_eq!(first["task"]["status"].get("message"), None, "{first}");
    let beats = async {
        for _ in 0..40 {
            node.beat().await;
            sleep(Duration::from_millis(500)).await;
        }
    };
    let update = tokio::select! {
        update = stream.event() => update.unwrap(),
        () = beats => panic!("nothing is told"),
    };
    let status = &update["statusUpdate"]["status"];
    assert_eq!(status["state"], "TASK_STATE_SUBMITTED", "{update}");
    let reason = "it waits for a node: every node that can run the agent is busy";
    assert_eq!(status["message"]["parts"][0]["text"], reason);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_continues_a_task_tells_its_next_end_and_not_its_last() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let first = input_required(&world, &mut node).await;
    let params = reply_to(&first, "to Oslo");
    let mut stream = Stream::send(&world, &Peer::new("a", 1), params).await;
    let task = node.take().await;
    assert_eq!(first["id"], task.task.as_str());
    node.complete(&world, &task, "completed", &["ticket"]).await;
    let event = stream.event().await.unwrap();
    assert_eq!(event["task"]["id"], first["id"]);
    assert_eq!(event["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    assert_eq!(event["task"]["history"].as_array().unwrap().len(), 3);
    assert!(stream.event().await.unwrap()["artifactUpdate"].is_object());
    let end = stream.event().await.unwrap();
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(stream.event().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_messages_at_once_one_continues_the_task_and_hears_its_node() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let first = input_required(&world, &mut node).await;
    let send = |text: &str| {
        let body = rpc("SendStreamingMessage", reply_to(&first, text)).to_string();
        world.gateway.open(world.gateway.request(&Peer::new("a", 1), "/agents/echo", &body))
    };
    let (one, two) = tokio::join!(send("to Oslo"), send("to Bergen"));
    let is_stream = |answer: &Response<hyper::body::Incoming>| {
        answer.headers()["content-type"] == "text/event-stream"
    };
    let (won, lost) = if is_stream(&one) { (one, two) } else { (two, one) };
    assert!(is_stream(&won) && !is_stream(&lost));
    let (head, body) = lost.into_parts();
    let body = timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
    let reply = json_of(&Response::from_parts(head, body));
    assert_eq!(reply["error"]["code"], -32004, "{reply}");

    let mut stream = Stream { body: won.into_body(), pending: String::new(), comments: 0 };
    let task = node.take().await;
    let push = Push::open(&task).await;
    push.event(&chunk("out", &["x"], false)).await;
    assert!(stream.event().await.unwrap()["task"].is_object());
    assert!(stream.event().await.unwrap()["artifactUpdate"].is_object());
    assert_eq!(push.end().await.unwrap(), 1);
    node.complete(&world, &task, "completed", &["x"]).await;
    let end = stream.event().await.unwrap();
    assert_eq!(end["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(stream.event().await, None);
}

/// Events of a MiB that nobody reads: more than a connection takes on its way.
const UNREAD: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_read_keeps_its_place_while_its_task_goes_on_and_is_told_the_end() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let caller = Peer::new("a", 1);
    let mut stalled = Stream::open(&world, &caller).await;
    let first = stalled.event().await.unwrap()["task"].clone();
    let task = node.take().await;
    let push = Push::open(&task).await;
    let long = "x".repeat(900 << 10);
    for _ in 0..UNREAD {
        push.event(&chunk("out", &[&long], false)).await;
    }
    assert_eq!(push.end().await.unwrap(), UNREAD as u64);
    node.complete(&world, &task, "input-required", &["draft"]).await;

    let mut next = Stream::send(&world, &caller, reply_to(&first, "to Oslo")).await;
    waiting(&world, 2).await;
    let task = node.take().await;
    let push = Push::open(&task).await;
    push.event(&working("flying")).await;
    assert!(next.event().await.unwrap()["task"].is_object());
    assert!(next.event().await.unwrap()["statusUpdate"].is_object());
    node.complete(&world, &task, "completed", &["ticket"]).await;
    // A stream ends where its message was answered (A2A 1.0, section 11.7): the reply has a stream of its own.
    for (stream, end) in [(&mut next, "COMPLETED"), (&mut stalled, "INPUT_REQUIRED")] {
        let mut last = Value::Null;
        while let Some(event) = stream.event().await {
            last = event;
        }
        assert_eq!(last["statusUpdate"]["status"]["state"], format!("TASK_STATE_{end}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_an_agent_that_answers_with_a_message_is_that_message_alone() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let caller = Peer::new("a", 1);
    let opened = Stream::open(&world, &caller);
    let answered = async {
        let task = node.take().await;
        node.complete_with(&world, &task, "completed", &greeting().to_string()).await;
    };
    let (mut stream, ()) = tokio::join!(opened, answered);
    assert_eq!(stream.event().await.unwrap()["message"]["messageId"], "m-hi");
    assert_eq!(stream.event().await, None);
}
