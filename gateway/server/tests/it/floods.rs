//! Always true 7 at a gateway: every route and the service for nodes, flooded with bodies that come slowly, and with
//! answers that nobody reads.

use std::time::Duration;

use axum::body::Bytes;
use deploy_service::units::{self, Bytes as Size};
use http::{HeaderValue, Request, Response, StatusCode};
use proto_types::json::VALUES_MAX;
use serde_json::json;

use crate::flood::{Flood, Unending, answered, beside};
use crate::grpc;
use crate::visibility;
use crate::world::{PATIENCE, Peer, World, deploy, eventually, json_of, message, rpc};

/// What the gateway may hold for requests and answers, in MiB.
const CEILING: u64 = 32;

/// What a flood costs besides, in MiB, as it is reckoned: 16 KiB for the head, the stream and the tasks of each of 960
/// requests, a send buffer of 64 KiB for each of 200 answers, 6 for what the flood was sent and does not read, a window of
/// 256 KiB for each connection, 16 for each of log, state and network of the registry in this process, which keeps 80
/// calls of 200 KB, and what the allocator keeps.
const BESIDES: u64 = 96;

async fn start() -> World {
    World::with(|config| {
        config.limits.memory_max = Size::from_kib(CEILING << 10);
        config.limits.memory_per_connection_max = Size::from_kib(8 << 10);
    })
    .await
}

/// Where the agent that nobody runs is called.
const AGENT: &str = "/agents/echo";

/// The answers to a flood from four sources, of which a victim of another one notices little.
async fn flooded(
    world: &World,
    name: &str,
    requests: impl Fn(u8) -> Vec<Request<Unending>>,
) -> Vec<Response<()>> {
    let flood = async {
        let (mut floods, mut sent) = (Vec::new(), Vec::new());
        for from in [2, 3, 4, 5] {
            let flood = Flood::open(world.gateway.addr, from, 1 << 16).await;
            sent.extend(requests(from).into_iter().map(|request| flood.send(request)));
            floods.push(flood);
        }
        (answered(sent, Duration::from_secs(4)).await, floods)
    };
    let ((answers, floods), seen) = beside((world.gateway.addr, "/readyz"), flood).await;
    seen.assert_below(name, (CEILING, BESIDES));
    drop(floods);
    answers.into_iter().map(|answer| answer.map(drop)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_no_secret_of_a_task_pushes_no_more_than_a_few_words() {
    let world = start().await;
    let push = |_| {
        let one = |_| {
            Request::post("http://x/ecumene.gateway.v1.TaskEvents/Push")
                .header("content-type", "application/grpc")
                .body(Unending::message(1_075_000))
                .unwrap()
        };
        (0..175).map(one).collect()
    };
    let answers = flooded(&world, "gateway: pushes without a secret", push).await;
    assert_eq!(answers.len(), 700, "each is refused at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_on_every_route_stay_under_the_ceiling() {
    let world = start().await;
    let peer = Peer::new("a", 1);
    let paths: Vec<_> = visibility::routes("echo").iter().flat_map(visibility::paths).collect();
    let post = |_| {
        let one = |at: usize| {
            let path = &paths[at % paths.len()];
            if path.starts_with(GRPC) {
                return call(&world, &peer, path, Unending::message(900 << 10));
            }
            Request::post(format!("http://x{path}"))
                .header("content-type", "application/json")
                .header("a2a-version", "1.0")
                .header("authorization", format!("Bearer {}", world.gateway.token(&peer)))
                .body(Unending::new(b"{", 900 << 10))
                .unwrap()
        };
        (0..180).map(one).collect()
    };
    let answers = flooded(&world, "gateway: slow bodies on every route", post).await;
    let refused = |answer: &Response<()>| answer.status() == StatusCode::TOO_MANY_REQUESTS;
    assert!(answers.iter().any(refused), "{answers:?}");
    assert!(answers.iter().any(is_exhausted), "{answers:?}");
    // Another peer, from another place, is served as if nothing were.
    let other = Peer::new("c", 3);
    let call = rpc("GetTask", json!({"id": "absent"})).to_string();
    let answer = world.gateway.post(&other, AGENT, &call).await;
    assert!(json_of(&answer)["error"].is_object(), "{answer:?}");
}

/// Where calls over gRPC go.
const GRPC: &str = "/lf.a2a.v1.A2AService/";

/// A call over gRPC with a fresh token.
fn call(world: &World, peer: &Peer, path: &str, body: Unending) -> Request<Unending> {
    Request::post(format!("http://x{path}"))
        .header("content-type", "application/grpc")
        .header("a2a-version", "1.0")
        .header("authorization", format!("Bearer {}", world.gateway.token(peer)))
        .body(body)
        .unwrap()
}

/// Whether it is RESOURCE_EXHAUSTED.
fn is_exhausted(answer: &Response<()>) -> bool {
    answer.headers().get("grpc-status").is_some_and(|status| status == "8")
}

/// gRPC messages of nothing, one after the other: a flag and a length.
static MESSAGES: [u8; 64 << 10] = [0; 64 << 10];

/// Caught: each message that began gave back what the ones before it held, and the time that they had taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_grpc_is_one_message_and_refused_where_the_next_one_begins() {
    let world = start().await;
    let peer = Peer::new("a", 1);
    let methods = grpc::every_method(None);
    let calls = |_| {
        let one = |at: usize| {
            let path = format!("{GRPC}{}", methods[at % methods.len()].0);
            call(&world, &peer, &path, Unending::of(Bytes::new(), &MESSAGES, 900 << 10))
        };
        (0..175).map(one).collect()
    };
    let answers = flooded(&world, "gateway: calls of many messages over gRPC", calls).await;
    assert_eq!(answers.len(), 700, "nobody waits for the rest");
    let mut codes = answers.iter().map(|answer| answer.headers().get("ecumene-code"));
    let is_one = |code: Option<&HeaderValue>| code.is_some_and(|code| code == "params-invalid");
    assert!(codes.all(is_one), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_stay_under_the_ceiling() {
    let world = start().await;
    let skill = json!({"id": "s", "name": "s", "description": "s", "tags": ["t"]});
    let words = json!({"name": "Big", "description": "x".repeat(180_000), "skills": [skill]});
    deploy(&world.channel, "big", &words).await;
    eventually("the agent", || async {
        let card = world.gateway.get("/agents/big/.well-known/agent-card.json").await;
        (card.status() == StatusCode::OK).then_some(())
    })
    .await;
    let peer = Peer::new("a", 1);
    // The instance's card, with what all its agents say: for a peer it is made each time.
    let look = || {
        Request::get("http://x/.well-known/agent-card.json")
            .header("authorization", format!("Bearer {}", world.gateway.token(&peer)))
            .body(Unending::new(b"", 0))
            .unwrap()
    };
    let flood = async {
        let (mut floods, mut sent) = (Vec::new(), Vec::new());
        for from in [2, 3, 4, 5] {
            for window in [0, 1, 30_000, 0] {
                let flood = Flood::open(world.gateway.addr, from, window).await;
                sent.extend((0..60).map(|_| flood.send(look())));
                floods.push(flood);
            }
        }
        (answered(sent, Duration::from_secs(10)).await, floods)
    };
    let ((answers, floods), seen) = beside((world.gateway.addr, "/readyz"), flood).await;
    let given = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    // 24 MiB are open to them.
    assert!((30..200).contains(&given), "{given} of {}", answers.len());
    seen.assert_below("gateway: answers that nobody reads", (CEILING, BESIDES));
    drop((answers, floods));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_calls_of_as_many_values_as_a_text_may_have_stay_under_the_ceiling() {
    let world = start().await;
    let mut params = message("");
    // A call has some values around them.
    params["message"]["parts"] = json!([{ "data": vec![1_u8; VALUES_MAX - 100] }]);
    params["configuration"] = json!({ "historyLength": 0 });
    let call = rpc("SendStreamingMessage", params).to_string();
    let peers = [Peer::new("a", 1), Peer::new("c", 3)];
    let flood = async {
        let mut open = Vec::new();
        for peer in peers.iter().cycle().take(80) {
            let sent = world.gateway.open(world.gateway.request(peer, AGENT, &call));
            open.push(tokio::time::timeout(PATIENCE, sent).await.unwrap());
        }
        open
    };
    let (open, seen) = beside((world.gateway.addr, "/readyz"), flood).await;
    let kinds = open.iter().filter_map(|answer| answer.headers().get("content-type"));
    let streams = kinds.filter(|kind| *kind == "text/event-stream").count();
    // Held as values, each would be several MiB.
    assert!(streams > 40, "{streams} of {}", open.len());
    seen.assert_below("gateway: open calls of many values", (CEILING, BESIDES));
    drop(open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peers_open_calls_leave_room_and_end_when_it_hangs_up() {
    let world = World::with(|config| {
        config.bounds.waiting_max = 8;
        // Longer than anybody waits here: tasks end because their callers have gone.
        config.bounds.task_deadline = units::Duration::from_secs(600);
    })
    .await;
    let call = rpc("SendMessage", message("hello")).to_string();
    let [greedy, other] = [Peer::new("a", 1), Peer::new("c", 3)];
    for _ in 0..6 {
        let request = world.gateway.request(&greedy, AGENT, &call);
        let answer = tokio::time::timeout(Duration::from_secs(1), world.gateway.open(request));
        assert!(answer.await.is_err(), "it waits for its task until it is given up");
    }
    eventually("the end of tasks that nobody waits for", || async {
        let metrics = world.registry_metrics().await;
        metrics.contains("ecumene_registry_open_tasks 0\n").then_some(())
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let request = world.gateway.request(&greedy, AGENT, &call);
        held.push(Box::pin(world.gateway.open(request)));
    }
    let answers = futures_util::future::join_all(
        held.iter_mut().map(|call| tokio::time::timeout(Duration::from_secs(4), call)),
    );
    let refused: Vec<_> = answers.await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(refused.len(), 2, "half of eight are one peer's");
    assert!(refused.iter().all(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS));
    let request = world.gateway.request(&other, AGENT, &call);
    let waits = tokio::time::timeout(Duration::from_secs(1), world.gateway.open(request));
    assert!(waits.await.is_err(), "another peer's call waits for its task");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_keep_their_connections_though_there_are_nearly_as_many_as_are_allowed() {
    let header_timeout = units::Duration::from_secs(1);
    let world = World::with(|config| {
        config.limits.connections_max = 12;
        config.limits.header_timeout = header_timeout;
    })
    .await;
    let mut callers = Vec::new();
    for from in 2..12 {
        callers.push(Flood::open(world.gateway.addr, from, 1 << 16).await);
    }
    // Nobody has to prove to be of the system by then.
    tokio::time::sleep(2 * header_timeout.std()).await;
    for caller in &callers {
        let request = Request::get("http://x/readyz").body(Unending::new(b"", 0)).unwrap();
        let answers = answered(vec![caller.send(request)], PATIENCE).await;
        assert!(answers.iter().map(http::Response::status).eq([StatusCode::OK]), "{answers:?}");
    }
}
