//! Attack cases 28 and 29: clients that are slow, silent, too many or too large.
//!
//! Each was seen to fail with its limit taken out: without `timer` no slow header is closed,
//! without `Guarded` a silent connection stays, without `Paced` a stalled body does.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use deploy_service::{Limits, units};
use hyper::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::flood::{Flood, Unending, answered};
use crate::world::{World, brief, read_to_close};

/// The bound of case 28.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_slow_or_silent_beginning_is_closed() {
    let world = World::start(brief()).await;
    let h2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r";
    for beginning in ["", "P", "POST /echo HTTP/1.1\r\nx", "GET /who HTTP/1.1\r\nhost: x\r\n", h2] {
        let started = Instant::now();
        let answer = world.exchange(beginning).await;
        assert!(!answer.contains("200"), "{beginning:?}: {answer}");
        assert!(started.elapsed() < CLOSED_WITHIN, "{beginning:?}");
    }
}

#[tokio::test]
async fn a_header_that_drips_is_closed() {
    let world = World::start(brief()).await;
    let (mut read, mut write) = world.connect().await.into_split();
    let started = Instant::now();
    let drip = tokio::spawn(async move {
        let _ = write.write_all(b"GET /who HTTP/1.1\r\nx-").await;
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    assert!(started.elapsed() < CLOSED_WITHIN);
    drip.abort();
}

#[tokio::test]
async fn a_silent_http2_client_is_closed() {
    let ping = units::Duration::from_millis(200);
    let world =
        World::start(Limits { h2_ping_interval: ping, h2_ping_timeout: ping, ..brief() }).await;
    let started = Instant::now();
    // The preface and empty SETTINGS, then no answer to any ping.
    let answer = async {
        let mut client = world.connect().await;
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let _ = client.read_to_end(&mut Vec::new()).await;
    };
    tokio::time::timeout(CLOSED_WITHIN, answer).await.unwrap();
    assert!(started.elapsed() < CLOSED_WITHIN);
}

#[tokio::test]
async fn a_body_that_stalls_is_refused() {
    let world = World::start(brief()).await;
    let stalled = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    let answer = world.exchange(stalled).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

/// Caught: a body that says it is many messages had its time anew with each.
#[tokio::test]
async fn a_strangers_body_that_drips_is_refused_though_each_drop_is_a_grpc_message() {
    let world = World::start(brief()).await;
    for kind in ["text/plain", "application/grpc"] {
        let (mut read, mut write) = world.connect().await.into_split();
        let drip = tokio::spawn(async move {
            let head = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n";
            let _ = write.write_all(format!("{head}content-type: {kind}\r\n\r\n").as_bytes()).await;
            while write.write_all(b"5\r\n\0\0\0\0\0\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut seen = Vec::new();
        let closed = tokio::time::timeout(CLOSED_WITHIN, read.read_to_end(&mut seen)).await;
        assert!(closed.is_ok(), "{kind}: {}", String::from_utf8_lossy(&seen));
        drip.abort();
    }
}

#[tokio::test]
async fn an_oversized_header_section_is_431_and_an_oversized_target_414() {
    let world = World::start(brief()).await;
    let head = |size: usize| {
        // "host: x" and "connection: close" count 8 + 4 and 15 + 4 - the colon is in the four.
        let fixed = "hostx".len() + 4 + "connectionclose".len() + 4 + "a".len() + 4;
        let value = "v".repeat(size - fixed);
        format!("GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\na: {value}\r\n\r\n")
    };
    let max = Limits::default().headers_bytes_max.as_usize();
    for (size, status) in [(max / 2, 200), (max + 1, 431), (max * 2, 431), (max * 40, 431)] {
        let answer = world.exchange(&head(size)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {answer:.60}");
    }
    let max = Limits::default().uri_bytes_max.as_usize();
    for (size, status) in [(max, 404), (max + 1, 414)] {
        let answer = world.get(&format!("/{}", "p".repeat(size - 1))).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {answer:.60}");
    }
}

#[tokio::test]
async fn connections_beyond_a_clients_share_are_answered_429_and_beyond_the_total_503() {
    for (each, total, status) in [(2, 9, "429"), (9, 2, "503")] {
        let limits = Limits {
            connections_per_address_max: each,
            connections_max: total,
            ..Limits::default()
        };
        let world = World::start(limits).await;
        let (_first, second) = (world.connect().await, world.connect().await);
        let answer = read_to_close(&mut world.connect().await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        drop(second);
        // The permit comes back once the server has seen the close; each try is a new connection.
        let mut answer = String::new();
        while !answer.contains("200 OK") {
            answer = world.get("/livez").await;
        }
    }
}

fn get(path: &str) -> Request<Unending> {
    Request::get(format!("http://x{path}")).body(Unending::new(b"", 0)).unwrap()
}

async fn served(client: &Flood, path: &str) -> bool {
    let answers = answered(vec![client.send(get(path))], CLOSED_WITHIN).await;
    answers.first().is_some_and(|answer| answer.status() == StatusCode::OK)
}

/// Holds that a connection is closed before it has an answer.
async fn is_cut(client: &Flood) {
    let cut = tokio::time::timeout(CLOSED_WITHIN, client.send(get("/wait"))).await;
    assert!(cut.expect("it is closed in time").unwrap().is_none());
}

/// A connection from each of so many sources.
async fn from_sources(to: SocketAddr, sources: std::ops::Range<u8>) -> Vec<Flood> {
    let mut opened = Vec::new();
    for from in sources {
        opened.push(Flood::open(to, from, 1 << 16).await);
    }
    opened
}

#[tokio::test]
async fn strangers_from_many_sources_leave_places_for_the_systems_own_roles() {
    // Six places are open to strangers; in the other two nobody stays who proves nothing.
    let header_timeout = units::Duration::from_secs(2);
    let world = World::start(Limits { connections_max: 8, header_timeout, ..brief() }).await;
    let silent = from_sources(world.addr, 2..8).await;
    let system = Flood::open(world.addr, 8, 1 << 16).await;
    assert!(served(&system, "/system").await);
    let stranger = Flood::open(world.addr, 9, 1 << 16).await;
    assert!(served(&stranger, "/who").await, "it may have been one of the system's");
    is_cut(&stranger).await;
    // It came before the stranger, so that its own time is over as well.
    assert!(served(&system, "/who").await);
    for stranger in &silent {
        assert!(served(stranger, "/who").await, "there was room for it");
    }
}

#[tokio::test]
async fn a_stranger_in_a_kept_place_stays_if_another_one_has_left_meanwhile() {
    let header_timeout = units::Duration::from_secs(3);
    let world = World::start(Limits { connections_max: 8, header_timeout, ..brief() }).await;
    let mut silent = from_sources(world.addr, 2..8).await;
    let first = Flood::open(world.addr, 8, 1 << 16).await;
    // Its time is over sooner than that of the next.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = Flood::open(world.addr, 9, 1 << 16).await;
    drop(silent.pop());
    is_cut(&second).await;
    assert!(served(&first, "/who").await, "it has the place of the one that left");
}

#[tokio::test]
async fn who_has_to_leave_a_kept_place_is_told_so_before_it_is_cut() {
    let header_timeout = units::Duration::from_secs(2);
    let world = World::start(Limits { connections_max: 8, header_timeout, ..brief() }).await;
    let _silent = from_sources(world.addr, 2..8).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 8], 0))).unwrap();
    let mut client = socket.connect(world.addr).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut seen = Vec::new();
    let read = tokio::time::timeout(CLOSED_WITHIN, client.read_to_end(&mut seen)).await;
    let _ = read.expect("it is closed in time");
    let types = frame_types(&seen);
    assert!(types.contains(&GOAWAY), "{types:?}");
}

/// RFC 9113, 6.8.
pub(crate) const GOAWAY: u8 = 7;

/// The types of the HTTP/2 frames in these bytes (RFC 9113, 4.1).
pub(crate) fn frame_types(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, rest @ ..] = bytes {
        types.push(*kind);
        // Flags and the stream stand before the payload.
        let payload = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        bytes = rest.get(5 + payload..).unwrap_or_default();
    }
    types
}

#[tokio::test]
async fn a_listener_that_keeps_no_places_ends_no_connection_for_having_one_of_the_last() {
    let header_timeout = units::Duration::from_secs(1);
    let limits = Limits { connections_max: 8, header_timeout, ..brief() };
    let world = World::keeping_nothing(limits).await;
    let strangers = from_sources(world.addr, 2..10).await;
    // Longer than anybody would have had to prove to be of the system.
    tokio::time::sleep(2 * header_timeout.std()).await;
    for stranger in &strangers {
        assert!(served(stranger, "/who").await);
    }
}
