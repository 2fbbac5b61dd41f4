//! Always true 7: what requests and answers hold stays under its ceiling, and one source leaves room for another.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use deploy_service::{Limits, Security, units};
use hyper::{Request, StatusCode};

use crate::flood::{Flood, Unending, answered, beside, resident_mib};
use crate::world::{World, brief};

/// Time enough for what is refused at once.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What a flood costs besides, in MiB: heads, windows of connections, buffers of the allocator, and the flood's own side.
const BESIDES: u64 = 100;

fn small() -> Limits {
    Limits {
        memory_max: units::Bytes::from_kib(32 << 10),
        memory_per_connection_max: units::Bytes::from_kib(8 << 10),
        ..Limits::default()
    }
}

fn post(path: &str, kind: &str, body: Unending) -> Request<Unending> {
    let request = Request::post(format!("http://x{path}")).header("content-type", kind);
    request.body(body).unwrap()
}

fn get(path: &str) -> Request<Unending> {
    Request::get(format!("http://x{path}")).body(Unending::new(b"", 0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_hold_no_more_than_their_sources_share() {
    let world = World::start(small()).await;
    let (mut floods, mut sent) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let flood = Flood::open(world.addr, 2, 1 << 16).await;
        let body = || Unending::new(b"x", 1 << 20);
        sent.extend((0..12).map(|_| flood.send(post("/echo", "text/plain", body()))));
        floods.push(flood);
    }
    let (answers, seen) = beside((world.addr, "/who"), answered(sent, AT_ONCE)).await;
    seen.assert_below("a service: slow bodies of one source", (32, BESIDES));
    let refused = answers.iter().filter(|it| it.status() == StatusCode::TOO_MANY_REQUESTS).count();
    // 24 MiB are open to strangers, and half of that to one of them.
    assert!((36..48).contains(&refused), "{refused} of 48");
    let other = Flood::open(world.addr, 3, 1 << 16).await;
    let whole = answered(vec![other.send(get("/who"))], AT_ONCE).await;
    assert_eq!(whole[0].status(), StatusCode::OK);
    let second = other.send(post("/echo", "text/plain", Unending::new(b"x", 1 << 20)));
    assert!(answered(vec![second], AT_ONCE / 5).await.is_empty(), "it is being read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_behind_one_trusted_proxy_have_each_the_share_of_a_source() {
    let proxies = ["127.0.0.2/32".parse().unwrap()];
    let world = World::behind(small(), Security::Plain, &proxies).await;
    let proxy = Flood::open(world.addr, 2, 1 << 16).await;
    let of = |client: &'static str, mut request: Request<Unending>| {
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
    };
    let body = || post("/echo", "text/plain", Unending::new(b"x", 1 << 20));
    let sent = (0..24).map(|_| proxy.send(of("198.51.100.1", body()))).collect();
    let answers = answered(sent, AT_ONCE).await;
    assert!(answers.len() >= 12, "half of 24 MiB, whatever the connection is");
    assert!(answers.iter().all(|it| it.status() == StatusCode::TOO_MANY_REQUESTS));
    let other = vec![proxy.send(of("198.51.100.2", get("/mebibyte")))];
    let other = answered(other, AT_ONCE).await;
    assert_eq!(other[0].status(), StatusCode::OK, "another client on the same connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_hold_no_more_than_their_connections_share() {
    let before = resident_mib();
    // Windows of nothing, and of so little that the first piece of an answer leaves.
    for window in [0, 1, 20_000] {
        let world = World::start(small()).await;
        let flood = Flood::open(world.addr, 2, window).await;
        let sent = (0..64).map(|_| flood.send(get("/mebibyte"))).collect();
        let answers = answered(sent, AT_ONCE).await;
        let given = answers.iter().filter(|it| it.status() == StatusCode::OK).count();
        assert_eq!((given, answers.len()), (8, 64), "window {window}");
        let other = Flood::open(world.addr, 3, 1 << 16).await;
        let one = answered(vec![other.send(get("/mebibyte"))], AT_ONCE).await;
        assert_eq!(one[0].status(), StatusCode::OK);
        drop((flood, other));
        // What was held comes back once the connections are gone.
        let mut whole = String::new();
        while !whole.contains("200 OK") {
            whole = world.get("/mebibyte").await;
        }
    }
    assert!(resident_mib() < before + BESIDES, "from {before} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_adds_is_on_every_refusal_of_its_listener_and_on_none_of_its_answers() {
    let world = World::start(small()).await;
    let unread = Flood::open(world.addr, 2, 0).await;
    let mut sent: Vec<_> = (0..12).map(|_| unread.send(get("/mebibyte"))).collect();
    sent.push(unread.send(get(&format!("/{}", "p".repeat(9 << 10)))));
    let slow = Flood::open(world.addr, 3, 1 << 16).await;
    let body = || Unending::new(b"x", 1 << 20);
    sent.extend((0..12).map(|_| slow.send(post("/echo", "text/plain", body()))));
    let answers = answered(sent, AT_ONCE).await;
    for answer in &answers {
        let marked = answer.headers().contains_key("x-refused");
        assert_eq!(marked, answer.status() != StatusCode::OK, "{answer:?}");
    }
    let refused = |path: &str, status: StatusCode| {
        answers.iter().any(|it| {
            it.status() == status && it.headers().get("x-refused").is_some_and(|of| of == path)
        })
    };
    assert!(refused("/mebibyte", StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    assert!(refused("/echo", StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    assert!(answers.iter().any(|it| it.status() == StatusCode::URI_TOO_LONG), "{answers:?}");
}

/// gRPC messages of nothing, one after the other: a flag and a length.
static MESSAGES: [u8; 64 << 10] = [0; 64 << 10];

/// Caught: the newest message of a body was all that counted, and a body is as many as its sender says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_body_counts_whole_however_many_messages_it_says_it_is() {
    let world = World::start(small()).await;
    let flood = Flood::open(world.addr, 2, 1 << 16).await;
    let body = || Unending::of(Bytes::new(), &MESSAGES, 1 << 20);
    let sent = (0..24).map(|_| flood.send(post("/echo", "application/grpc", body()))).collect();
    let answers = answered(sent, AT_ONCE).await;
    let told = answers.iter().filter_map(|it| it.headers().get("grpc-status"));
    let refused = told.filter(|status| *status == "8").count();
    // 8 MiB are what one connection may hold.
    assert!((16..24).contains(&refused), "{refused} of 24");
}

#[tokio::test]
async fn a_grpc_message_that_stalls_is_refused() {
    let world = World::start(brief()).await;
    let flood = Flood::open(world.addr, 2, 1 << 16).await;
    let started = Instant::now();
    let whole_first = Unending::new(&[0, 0, 0, 0, 1, 7, 0, 0], 0);
    for body in [Unending::message(1 << 10), whole_first, Unending::new(b"", 0)] {
        let sent = vec![flood.send(post("/echo", "application/grpc", body))];
        let answers = answered(sent, Duration::from_secs(10)).await;
        assert_eq!(answers.len(), 1, "nobody waits for the rest");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}
