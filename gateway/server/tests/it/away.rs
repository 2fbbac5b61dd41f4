//! A registry that is away for a while, as the caller of a gateway notices it.

use std::time::{Duration, Instant};

use deploy_service::{units, wait_until};
use gateway_server::Config;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::{Peer, World, eventually, message};

/// A way to the registry that can be cut.
struct Way {
    is_open: watch::Sender<bool>,
    _running: JoinSet<()>,
}

impl Way {
    /// A way to the registry of this URL, and its own URL.
    fn to(registry: &str) -> (Self, String) {
        let target = registry.strip_prefix("http://").unwrap().to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listener = TcpListener::from_std(listener).unwrap();
        let (is_open, opened) = watch::channel(true);
        let mut running = JoinSet::new();
        running.spawn(carry(listener, target, opened));
        (Self { is_open, _running: running }, url)
    }
}

async fn carry(listener: TcpListener, target: String, opened: watch::Receiver<bool>) {
    let mut carried = JoinSet::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let (target, mut opened) = (target.clone(), opened.clone());
        carried.spawn(async move {
            let Ok(mut to) = TcpStream::connect(&target).await else { return };
            tokio::select! {
                biased;
                _ = wait_until(&mut opened, |is_open| !is_open) => {}
                _ = copy_bidirectional(&mut from, &mut to) => {}
            }
        });
    }
}

/// The call asks when two seconds have passed, for five, and then has waited for longer than it may. The way is open again
/// while it asks what to answer with, for five seconds more.
const AWAY: Duration = Duration::from_secs(9);
/// Longer than that.
const AWAY_LONGER: Duration = Duration::from_secs(14);
const RPC: &str = "/agents/echo";

/// A platform whose way to the registry can be cut, and the way. Tasks end soon by their deadline, and calls are patient for
/// not much longer.
async fn start() -> (World, Way) {
    with(|config| config.bounds.task_deadline = units::Duration::from_millis(1_500)).await
}

/// The same, of another configuration.
async fn with(change: impl FnOnce(&mut Config)) -> (World, Way) {
    let mut way = None;
    let world = World::with(|config| {
        let (opened, url) = Way::to(&config.registry[0]);
        (config.registry, way) = (vec![url], Some(opened));
        change(config);
    })
    .await;
    (world, way.unwrap())
}

/// Cuts the way for so long, once the call's task is there and its submission answered.
async fn cut(world: &World, way: &Way, how_long: Duration) -> Instant {
    eventually("the task", || async {
        let metrics = world.registry_metrics().await;
        metrics.contains("ecumene_registry_open_tasks 1\n").then_some(())
    })
    .await;
    sleep(Duration::from_millis(500)).await;
    way.is_open.send_replace(false);
    sleep(how_long).await;
    way.is_open.send_replace(true);
    Instant::now()
}

/// Calls the agent; the answer, and when it came.
async fn called(world: &World, caller: &Peer) -> (Value, Instant) {
    let answer = world.gateway.call(caller, RPC, "SendMessage", message("hello")).await;
    (answer, Instant::now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_heard_of_no_end_is_answered_with_the_whole_task_as_it_is_then() {
    let (world, way) = start().await;
    let caller = Peer::new("a", 1);
    let ((answer, at), reopened) = tokio::join!(called(&world, &caller), cut(&world, &way, AWAY));
    assert!(at > reopened, "it was answered before the way was cut: {answer}");
    let task = &answer["result"]["task"];
    assert_eq!(task["history"][0]["messageId"], "m1", "{answer}");
    assert_eq!(task["status"]["state"], "TASK_STATE_FAILED", "its deadline has passed: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_can_ask_no_registry_how_its_task_is_is_answered_with_the_task_all_the_same() {
    let (world, way) = start().await;
    let caller = Peer::new("a", 1);
    let cut = cut(&world, &way, AWAY_LONGER);
    let ((answer, at), reopened) = tokio::join!(called(&world, &caller), cut);
    assert!(at < reopened, "the registry was away: {answer}");
    let task = &answer["result"]["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED", "{answer}");
    eventually("the task", || async {
        let seen = world.gateway.call(&caller, RPC, "GetTask", json!({"id": task["id"]})).await;
        (seen["result"]["status"]["state"] == "TASK_STATE_FAILED").then_some(())
    })
    .await;
}

/// Caught: an envelope took its token along without a place among those that wait, so one peer's kept all they liked in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envelopes_that_wait_for_the_registry_are_no_more_than_one_peers_share() {
    let (world, way) = with(|config| config.bounds.spend_queue_max = 2).await;
    way.is_open.send_replace(false);
    let peer = Peer::new("a", 1);
    let publish = |correlation: &str| {
        let envelope = json!({"v": 1, "correlationId": correlation, "payload": {},
            "sourceOrigin": "https://a.example", "targetHandle": "urn:agent:b"});
        world.gateway.send(world.gateway.request(&peer, "/v1/publish", &envelope.to_string()))
    };
    // The one that has the place is still asking the registry.
    let answer = tokio::select! {
        answer = publish("corr-0001") => answer,
        answer = publish("corr-0002") => answer,
    };
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
}
