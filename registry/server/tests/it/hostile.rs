//! Attack cases at the registry's listener: slow, large, deep, ambiguous and too many requests.

use std::time::{Duration, Instant};

use deploy_service::{Limits, units};
use http::{Method, Request};
use proto_wire::registry::v1 as wire;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::flood::{Flood, Unending, answered};
use crate::world::{OPERATOR, PATIENCE, World, by, code, json};

/// The bound of case 28.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// Sends bytes on a connection of their own, and reads until it is closed.
async fn raw(world: &World, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.addr).await.unwrap();
    // The server may close before all is sent: its answer is what counts.
    let _ = stream.write_all(sent).await;
    let mut seen = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut seen)).await.expect("it closes in time");
    String::from_utf8_lossy(&seen).into_owned()
}

async fn impatient() -> World {
    let brief = units::Duration::from_millis(300);
    World::start_with(|config| {
        config.limits = Limits {
            header_timeout: brief,
            body_timeout: brief,
            h2_ping_interval: brief,
            h2_ping_timeout: brief,
            ..Limits::default()
        };
    })
    .await
}

#[tokio::test]
async fn case_28_slow_headers_bodies_and_silent_http2_are_closed() {
    let world = impatient().await;
    let auth = format!("authorization: Bearer {OPERATOR}\r\ncontent-type: application/json");
    let body =
        format!("POST /v1/records HTTP/1.1\r\nhost: x\r\n{auth}\r\ncontent-length: 9\r\n\r\n{{");
    let beginnings = [
        "GET /v1/health HTTP/1.1\r\nhost: x\r\nx-a: ".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".to_owned(),
        body,
        String::new(),
    ];
    for beginning in beginnings {
        let started = Instant::now();
        let answer = raw(&world, beginning.as_bytes()).await;
        assert!(started.elapsed() < CLOSED_WITHIN, "{beginning:?}");
        assert!(!answer.contains("HTTP/1.1 2"), "{beginning:?}: {answer}");
    }
    assert_eq!(world.get("/v1/health").await.status(), 200);
    world.stop().await;
}

#[tokio::test]
async fn case_29_what_is_too_large_is_refused_at_its_bound() {
    let world = World::start().await;
    let limits = Limits::default();
    let head = |path: &str, size: usize| {
        let fixed = "hostx".len() + 4 + "connectionclose".len() + 4 + "a".len() + 4;
        let value = "v".repeat(size - fixed);
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\na: {value}\r\n\r\n")
    };
    let max = limits.headers_bytes_max.as_usize();
    for (size, status) in [(max - 1_000, 200), (max + 1, 431), (max * 8, 431)] {
        let answer = raw(&world, head("/v1/health", size).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {answer:.60}");
    }
    let max = limits.uri_bytes_max.as_usize();
    for (size, status) in [(max, 400), (max + 1, 414)] {
        let path = format!("/v1/health?{}", "p".repeat(size - "/v1/health?".len()));
        let path = path.replacen('?', "?max_age=", 1);
        let answer = raw(&world, head(&path[..size], 100).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {answer:.60}");
    }
    // Blanks alone are no JSON: the body at the bound is read, the one above it is not.
    for (path, max) in [("/v1/peers/manifests", 1 << 20), ("/v1/records", 256 << 10)] {
        for (size, expected) in [(max, (400, "malformed-json")), (max + 1, (413, "body-too-large"))]
        {
            let refused = world.call(Method::POST, path, &vec![b' '; size]).await;
            let code = json(&refused)["code"].as_str().unwrap().to_owned();
            assert_eq!((refused.status().as_u16(), &*code), expected, "{path} {size}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn case_30_deep_nesting_is_refused_in_json_and_protobuf() {
    let world = World::start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let body = format!("{}1{}", open.repeat(100_000 / open.len()), close.repeat(1_000));
        for path in ["/v1/records", "/v1/peers/manifests"] {
            let refused = world.call(Method::POST, path, body.as_bytes()).await;
            let found = (refused.status().as_u16(), json(&refused)["code"].clone());
            assert_eq!(found, (400, "malformed-json".into()), "{path}");
        }
    }
    // Groups within groups, which no message of ours has: skipped by prost, up to its own bound.
    let mut message = vec![0x1b_u8; 100_000];
    message.extend([0x1c_u8; 100_000]);
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let request = Request::post("/ecumene.registry.v1.Directory/GetRecord")
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        // Strangers may not send as much.
        .header("authorization", format!("Bearer {OPERATOR}"))
        .body(axum::body::Body::from(frame))
        .unwrap();
    let answer = world.send_h2(request).await;
    let status = answer.headers().get("grpc-status").unwrap().to_str().unwrap();
    assert_ne!(status, "0", "{:?}", answer.headers());
    world.stop().await;
}

#[tokio::test]
async fn case_32_a_path_with_two_readings_is_refused() {
    let world = World::start().await;
    for path in [
        "/v1/records/..%2fhealth",
        "/v1//health",
        "/v1/./health",
        "/v1/records/../health",
        "/v1/health;x=1",
        "/v1/records/a%2F..%2Fb",
        "/v1/records/%2e%2e",
        "/v1/records/a%00b",
        "/v1/records/a%5cb",
    ] {
        let answer = raw(
            &world,
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer:.60}");
        assert!(answer.contains("\"path-ambiguous\""), "{path}: {answer}");
    }
    assert_eq!(world.get("/v1/health/").await.status(), 404, "no second name of a route");
    world.stop().await;
}

#[tokio::test]
async fn case_36_a_source_that_is_not_verified_has_its_share_whatever_it_says_of_itself() {
    let world = World::start_with(|config| {
        config.bounds.source_requests_per_second = 1;
        config.bounds.source_burst = 40;
    })
    .await;
    let ask = async |hop: u32| {
        let request =
            Request::get("/v1/health").header("x-forwarded-for", format!("192.0.2.{hop}"));
        world.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let mut limited = None;
    for hop in 0..60 {
        let answer = ask(hop).await;
        if answer.status() == 429 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("hopping through X-Forwarded-For gains nothing");
    assert_eq!(json(&limited)["code"], "rate-limited");
    let seconds: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(limited.headers()["ratelimit-policy"], "\"source\";q=40;w=40");
    assert!(limited.headers()["ratelimit"].to_str().unwrap().starts_with("\"source\";r=0;t="));
    let refused = world.directory().list_records(wire::ListRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), code(&refused)), (tonic::Code::ResourceExhausted, "rate-limited"));
    let known = by(OPERATOR, wire::ListRequest::default());
    assert!(world.directory().list_records(known).await.is_ok(), "who is known has no such limit");
    let wrong = by("not-the-operators-secret", wire::ListRequest::default());
    let refused = world.directory().list_records(wrong).await.unwrap_err();
    assert_eq!(code(&refused), "rate-limited", "a guess is no credential");
    world.stop().await;
}

#[tokio::test]
async fn what_is_dear_takes_more_of_a_sources_share_over_both_protocols() {
    let world = World::start_with(|config| {
        config.bounds.source_requests_per_second = 1;
        config.bounds.source_burst = 100;
    })
    .await;
    let ask = async |path: &str| {
        let request = Request::get(path).body(axum::body::Body::empty());
        world.send(request.unwrap()).await
    };
    let mut found = 0;
    let refused = loop {
        let answer = ask("/v1/agents").await;
        if answer.status() != 200 {
            break answer;
        }
        found += 1;
        assert!(found < 20, "a search counts as ten requests");
    };
    assert!(found > 0);
    assert_eq!((refused.status().as_u16(), &json(&refused)["code"]), (429, &"rate-limited".into()));
    assert!(refused.headers().contains_key("retry-after"));
    let search = wire::SearchAgentsRequest::default();
    let refused = world.search().search_agents(search.clone()).await.unwrap_err();
    assert_eq!((refused.code(), code(&refused)), (tonic::Code::ResourceExhausted, "rate-limited"));
    for _ in 0..20 {
        let known = world.search().search_agents(by(OPERATOR, search.clone())).await;
        assert!(known.is_ok(), "who is known has no such limit");
    }
    world.stop().await;
}

#[tokio::test]
async fn case_36_a_trusted_proxy_passes_its_clients_shares_on() {
    let world = World::start_with(|config| {
        config.bounds.source_requests_per_second = 1;
        config.bounds.source_burst = 40;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for hop in 0..100 {
        let request =
            Request::get("/v1/health").header("x-forwarded-for", format!("192.0.2.{hop}"));
        let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), 200, "{hop}");
    }
    world.stop().await;
}

/// A member that lets so much come at once, from each address that its clients say they come from.
async fn behind_a_proxy(burst: u32) -> World {
    World::start_with(|config| {
        config.bounds.source_requests_per_second = 1;
        config.bounds.source_burst = burst;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

/// A request that comes from an address.
fn sent_from(source: &str, mut request: Request<axum::body::Body>) -> Request<axum::body::Body> {
    request.headers_mut().insert("x-forwarded-for", source.parse().unwrap());
    request
}

/// A call that comes from an address.
fn call_from<T>(source: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("x-forwarded-for", source.parse().unwrap());
    request
}

#[tokio::test]
async fn what_costs_more_than_may_come_at_once_is_answered_all_the_same() {
    let world = behind_a_proxy(4).await;
    for (source, method, path) in [
        ("192.0.2.1", Method::GET, "/api/marketplace"),
        ("192.0.2.2", Method::GET, "/v1/agents"),
        ("192.0.2.3", Method::GET, "/v1/federation/entries"),
        ("192.0.2.4", Method::GET, "/v1/records"),
        ("192.0.2.5", Method::POST, "/v1/records"),
    ] {
        let ask = || Request::builder().method(&method).uri(path).body(Default::default());
        let answer = world.send(sent_from(source, ask().unwrap())).await;
        assert_ne!(answer.status(), 429, "{method} {path}");
        let again = world.send(sent_from(source, ask().unwrap())).await;
        assert_eq!(again.status(), 429, "{method} {path}");
    }
    let search = call_from("192.0.2.6", wire::SearchAgentsRequest::default());
    assert!(world.search().search_agents(search).await.is_ok());
    world.stop().await;
}

/// How many times a call is answered before its source has no share left.
async fn answers<F: Future<Output = bool>>(is_refused: impl Fn() -> F) -> usize {
    for answers in 0..100 {
        if is_refused().await {
            return answers;
        }
    }
    panic!("it is answered for ever");
}

#[tokio::test]
async fn a_page_takes_of_a_sources_share_by_how_many_entries_it_may_have() {
    let world = behind_a_proxy(1_050).await;
    for (source, path, expected) in [
        ("192.0.2.1", "/v1/records", 16),
        ("192.0.2.2", "/v1/cards?limit=1000", 16),
        ("192.0.2.3", "/v1/peers?limit=1000", 2),
        ("192.0.2.4", "/v1/peers", 20),
        ("192.0.2.5", "/v1/peers/https%3A%2F%2Fa.example/operations?limit=1000", 1),
        ("192.0.2.6", "/v1/federation/entries", 8),
        ("192.0.2.7", "/v1/federation/changes?limit=256", 8),
    ] {
        let is_refused = || async {
            let ask = Request::get(path).body(axum::body::Body::empty());
            let answer = world.send(sent_from(source, ask.unwrap())).await;
            let refused = answer.status() == 429;
            assert!(!refused || answer.headers().contains_key("retry-after"), "{path}");
            refused
        };
        assert_eq!(answers(is_refused).await, expected, "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_page_takes_as_much_over_grpc() {
    let world = behind_a_proxy(1_050).await;
    macro_rules! answered {
        ($call:ident, $source:literal, $message:expr) => {
            answers(|| async {
                let called = world.directory().$call(call_from($source, $message)).await;
                called.is_err_and(|status| code(&status) == "rate-limited")
            })
            .await
        };
    }
    let list = |limit| wire::ListRequest { limit, ..Default::default() };
    assert_eq!(answered!(list_records, "192.0.2.1", list(1_000)), 16);
    assert_eq!(answered!(list_cards, "192.0.2.2", list(1_000)), 16);
    assert_eq!(answered!(list_peers, "192.0.2.3", list(1_000)), 2);
    assert_eq!(answered!(list_agents, "192.0.2.4", list(1_000)), 1);
    assert_eq!(answered!(list_agents, "192.0.2.5", list(0)), 10, "a hundred");
    let log = || {
        let origin = "https://a.example".to_owned();
        wire::GetPeerLogRequest { origin, limit: 1_000, ..Default::default() }
    };
    assert_eq!(answered!(get_peer_log, "192.0.2.6", log()), 1);
    world.stop().await;
}

#[tokio::test]
async fn strangers_on_all_other_connections_leave_some_for_the_operator() {
    let world = World::start_with(|config| {
        config.limits.connections_max = 24;
        config.limits.header_timeout = units::Duration::from_secs(2);
    })
    .await;
    let head =
        world.get("/v1/peers").await.headers()["ecumene-revision"].to_str().unwrap().to_owned();
    // Eighteen places are open to them; in the other six nobody stays who proves nothing.
    let mut strangers = Vec::new();
    for from in 2..22 {
        strangers.push(Flood::open(world.addr, from, 1 << 16).await);
    }
    let operator = Flood::open(world.addr, 30, 1 << 16).await;
    let is_served = async || {
        let request = Request::get("http://x/v1/peers")
            .header("authorization", format!("Bearer {OPERATOR}"))
            .body(Unending::new(b"", 0));
        let answers = answered(vec![operator.send(request.unwrap())], CLOSED_WITHIN).await;
        answers.first().is_some_and(|answer| answer.status() == 200)
    };
    assert!(is_served().await);
    let late = Flood::open(world.addr, 31, 1 << 16).await;
    let poll = Request::get(format!("http://x/v1/changes?since={head}&wait=30s"));
    let cut = timeout(CLOSED_WITHIN, late.send(poll.body(Unending::new(b"", 0)).unwrap())).await;
    assert!(cut.expect("it is closed in time").unwrap().is_none());
    assert!(is_served().await, "it came before, and proved who it is");
    drop(strangers);
    world.stop().await;
}
