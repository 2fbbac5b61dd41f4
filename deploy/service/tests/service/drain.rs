//! The order of a drain: readiness, then the listener, then the deadline.
//!
//! Each step is awaited as a fact that a client sees.

use std::time::Duration;

use deploy_service::{Drained, Limits, units};
use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::hostile::{GOAWAY, frame_types};
use crate::world::{World, brief, read_to_close};

const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n";
const LIVE: &[u8] = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
/// The preface, empty SETTINGS, and the head of a request of the same (RFC 9113, 6.2; RFC 7541, 6.2.2 and appendix A).
const WAIT_OVER_HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
    \0\0\x0c\x01\x05\0\0\0\x01\x82\x86\x04\x05/wait\x01\x01x";

async fn waiting(world: &mut World) -> TcpStream {
    let mut client = world.connect().await;
    client.write_all(WAIT).await.unwrap();
    world.entered.recv().await.unwrap();
    client
}

async fn refused(world: &World) {
    while TcpStream::connect(world.addr).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_drain_lets_a_response_in_flight_finish() {
    let mut world = World::start(brief()).await;
    let mut client = waiting(&mut world).await;
    world.shutdown.trigger();
    refused(&world).await;
    world.release.send_replace(true);
    let answer = read_to_close(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(world.drained().await, Drained { in_flight_at_stop: 1, cut: 0 });
}

#[tokio::test]
async fn the_deadline_cuts_what_does_not_finish() {
    let drain = units::Duration::from_millis(200);
    let mut world = World::start(Limits { drain, ..brief() }).await;
    let mut client = waiting(&mut world).await;
    world.shutdown.trigger();
    assert_eq!(read_to_close(&mut client).await, "");
    assert_eq!(world.drained().await, Drained { in_flight_at_stop: 1, cut: 1 });
}

#[tokio::test]
async fn a_lame_duck_accepts_while_it_says_that_it_is_not_ready() {
    let lame_duck = units::Duration::from_secs(2);
    let world = World::start(Limits { lame_duck, ..brief() }).await;
    assert!(world.get("/readyz").await.starts_with("HTTP/1.1 200"));
    world.shutdown.trigger();
    let answer = world.get("/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("stopping"), "{answer}");
    assert!(world.get("/livez").await.starts_with("HTTP/1.1 200"));
    refused(&world).await;
    assert_eq!(world.drained().await, Drained { in_flight_at_stop: 0, cut: 0 });
}

/// What comes until it is as wanted.
async fn read_until(client: &mut TcpStream, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut seen = Vec::new();
    while !is_wanted(&seen) {
        let read = tokio::time::timeout(Duration::from_secs(20), client.read_buf(&mut seen));
        let read = read.await.expect("it comes in time").unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
    }
    seen
}

#[tokio::test]
async fn a_kept_connection_is_told_in_the_lame_duck_time_that_its_next_answer_is_the_last() {
    let lame_duck = units::Duration::from_secs(10);
    let world = World::start(Limits { lame_duck, ..Limits::default() }).await;
    let mut client = world.connect().await;
    client.write_all(LIVE).await.unwrap();
    let first = read_until(&mut client, |seen| seen.ends_with(b"true}")).await;
    assert!(!String::from_utf8_lossy(&first).contains("connection: close"));
    world.shutdown.trigger();
    client.write_all(LIVE).await.unwrap();
    let last = read_to_close(&mut client).await;
    assert!(last.starts_with("HTTP/1.1 200") && last.contains("connection: close\r\n"), "{last}");
    assert!(world.get("/livez").await.starts_with("HTTP/1.1 200"), "a new one is served");
}

#[tokio::test]
async fn a_connection_of_http2_is_told_to_go_away_while_its_stream_goes_on_to_its_end() {
    let mut world = World::start(Limits::default()).await;
    let mut client = world.connect().await;
    client.write_all(WAIT_OVER_HTTP2).await.unwrap();
    world.entered.recv().await.unwrap();
    world.shutdown.trigger();
    read_until(&mut client, |seen| frame_types(seen).contains(&GOAWAY)).await;
    world.release.send_replace(true);
    read_until(&mut client, |seen| seen.windows(4).any(|part| part == b"done")).await;
    drop(client);
    assert_eq!(world.drained().await, Drained { in_flight_at_stop: 1, cut: 0 });
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_drain() {
    let world =
        World::start(Limits { drain: units::Duration::from_secs(60), ..Limits::default() }).await;
    let mut idle = world.connect().await;
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();
    world.shutdown.trigger();
    assert_eq!(world.drained().await.cut, 0);
}

#[tokio::test]
async fn sigterm_is_a_wish_to_stop() {
    let shutdown =
        deploy_service::Shutdown::on_signals(std::time::Duration::from_secs(60)).unwrap();
    kill_process(getpid(), Signal::TERM).unwrap();
    shutdown.triggered().await;
    assert!(shutdown.is_triggered());
}
