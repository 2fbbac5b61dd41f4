//! SendStreamingMessage: what the caller sees, in which order, and what nodes may push.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::Code;

use crate::node::{Node, Push, chunk, working};
use crate::world::{PATIENCE, Peer, World, eventually, message, rpc};

/// An open stream of events.
struct Stream {
    body: hyper::body::Incoming,
    pending: String,
    /// Comments seen so far.
    comments: usize,
}

impl Stream {
    async fn open(world: &World, peer: &Peer) -> Self {
        let body = rpc("SendStreamingMessage", message("hello")).to_string();
        let response = world.gateway.open(world.gateway.request(peer, "/agents/echo", &body)).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), pending: String::new(), comments: 0 }
    }

    /// The next event's result; `None` at the end.
    async fn event(&mut self) -> Option<Value> {
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
                        return Some(answer["result"].clone());
                    }
                    None => self.comments += usize::from(frame.starts_with(':')),
                }
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("a frame")?;
            let data = frame.unwrap().into_data().unwrap();
            self.pending.push_str(std::str::from_utf8(&data).unwrap());
        }
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
    let waiting = || async {
        let text = world.gateway.get("/metrics").await.into_body();
        String::from_utf8(text.to_vec()).unwrap()
    };
    assert!(waiting().await.contains("ecumene_gateway_waiting_tasks 1\n"));
    drop(stream);
    eventually("an empty table", || async {
        waiting().await.contains("ecumene_gateway_waiting_tasks 0\n").then_some(())
    })
    .await;
}
