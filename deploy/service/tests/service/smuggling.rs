//! Attack case 33: messages that a proxy before us may read otherwise, over raw TCP.
//!
//! Each was seen to pass with `Strict`, or with the look at names in `Edge`, taken out.

use deploy_service::Limits;

use crate::world::World;

async fn check(head: &str, status: &str) {
    let world = World::start(Limits::default()).await;
    let answer = world.exchange(head).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:?}: {answer:.120}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?}: {answer}");
    if status == "400" {
        assert!(!answer.contains("127.0.0.1"), "a smuggled request was answered: {answer}");
    }
}

const SMUGGLED: &str = "GET /who HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn case_33_a_length_and_a_coding_together_are_refused() {
    let te = "transfer-encoding: chunked";
    for framing in [
        format!("content-length: 6\r\n{te}"),
        format!("{te}\r\ncontent-length: 6"),
        "Transfer-Encoding : chunked\r\ncontent-length: 6".to_owned(),
        "content-length: 6\r\ncontent-length: 7".to_owned(),
        "content-length: +6".to_owned(),
        "transfer-encoding: xchunked".to_owned(),
        "transfer-encoding: gzip, chunked".to_owned(),
        format!("{te}\r\n{te}"),
        format!("{te}\r\nhost: y"),
    ] {
        let head =
            format!("POST /echo HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n0\r\n\r\nX{SMUGGLED}");
        check(&head, "400").await;
    }
}

#[tokio::test]
async fn case_33_a_chunk_size_that_can_be_read_in_two_ways_is_refused() {
    let zeros = "0".repeat(300);
    for size in [format!("{zeros}5"), "+5".to_owned(), format!("5{}", " ".repeat(300))] {
        let head = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        check(&format!("{head}{size}\r\nabcde\r\n0\r\n\r\n{SMUGGLED}"), "400").await;
    }
}

#[tokio::test]
async fn case_33_bare_line_feeds_are_refused() {
    for head in [
        "GET /who HTTP/1.1\nhost: x\r\n\r\n",
        "GET /who HTTP/1.1\r\nhost: x\nx: y\r\n\r\n",
        "GET /who HTTP/1.1\r\nhost: x\r\n\nGET /who HTTP/1.1\r\n\r\n",
    ] {
        check(head, "400").await;
    }
}

#[tokio::test]
async fn case_33_hop_by_hop_credentials_and_underscore_twins_are_refused() {
    let with = |headers: &str| {
        format!("GET /who HTTP/1.1\r\nhost: x\r\n{headers}\r\nconnection: close\r\n\r\n")
    };
    for headers in [
        "authorization: Bearer x\r\nconnection: authorization",
        "x-forwarded-for: 192.0.2.1\r\nconnection: keep-alive, X-Forwarded-For",
        "x_forwarded_for: 192.0.2.1",
        "content_length: 6",
        "x-a: 1\r\nx_a: 2",
    ] {
        check(&with(headers), "400").await;
    }
    check(&with("x_trace_id: 1\r\nconnection: keep-alive, te\r\nte: trailers"), "200").await;
}

#[tokio::test]
async fn requests_that_are_framed_well_still_follow_each_other() {
    let world = World::start(Limits::default()).await;
    let requests = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
        3\r\nabc\r\n0\r\n\r\nPOST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\ndef\
        GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = world.exchange(requests).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert!(answer.contains("abc") && answer.contains("def"), "{answer}");
}
