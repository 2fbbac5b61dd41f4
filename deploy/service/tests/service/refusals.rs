//! Refusals while the request's body still comes: the client hears them, and knows what becomes of
//! the connection.

use deploy_service::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::world::{World, read_to_close};

/// More than the buffers of a socket hold.
const LARGE: usize = 8 << 20;

/// Sends a head and a large body whole before anything is read, as many clients do.
async fn check(head: &str, status: &str) {
    let world = World::start(Limits::default()).await;
    let mut client = world.connect().await;
    client.write_all(head.as_bytes()).await.unwrap();
    for piece in vec![b'x'; LARGE].chunks(64 << 10) {
        client.write_all(piece).await.expect("what is sent is still taken");
    }
    client.shutdown().await.unwrap();
    let answer = read_to_close(&mut client).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer:?}");
    assert!(answer.to_ascii_lowercase().contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_refusal_is_heard_although_the_body_still_comes_and_the_close_is_announced() {
    let head = format!("POST /who HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n");
    check(&head, "405").await;
    let chunk = format!("{LARGE:x}\r\n");
    let head = "POST /who HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    check(&format!("{head}{chunk}"), "405").await;
}

#[tokio::test]
async fn a_refusal_of_the_framing_is_heard_although_the_body_still_comes() {
    check("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\n", "400").await;
}

#[tokio::test]
async fn a_short_body_that_nobody_reads_does_not_cost_the_connection() {
    let world = World::start(Limits::default()).await;
    let refused = "POST /who HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabcde\
        POST /who HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let next = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = world.exchange(&format!("{refused}{next}")).await;
    assert_eq!(answer.matches("HTTP/1.1 405").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    assert_eq!(answer.matches("connection: close").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_not_asked_by_a_refusal() {
    let world = World::start(Limits::default()).await;
    let head = "POST /who HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
    let mut client = world.connect().await;
    client.write_all(head.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let answer = read_to_close(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}
