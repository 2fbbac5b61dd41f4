//! A request of HTTP/1.1 names its host, once and in the form of one (RFC 9112, section 3.2).
//!
//! Caught: `serve/host.rs` left out, so that a request without a host was served.

use std::time::Duration;

use deploy_service::Limits;
use hyper::{Request, StatusCode};

use crate::flood::{Flood, Unending, answered};
use crate::world::World;

/// Another request follows, which must not be answered after a refusal.
async fn check(request: &str, status: &str) {
    let world = World::start(Limits::default()).await;
    let next = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = world.exchange(&format!("{request}\r\n{next}")).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer}");
    let is_refused = status == "400";
    assert_eq!(answer.matches("HTTP/1.1 ").count() == 1, is_refused, "{request:?}: {answer}");
    if is_refused {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert!(head.contains("connection: close"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], "host-invalid", "{request:?}");
        assert_eq!(problem["type"], "/docs/errors/host-invalid");
    }
}

#[tokio::test]
async fn a_request_that_does_not_name_one_host_is_refused() {
    for head in [
        "GET /who HTTP/1.1\r\n",
        "GET http://x/who HTTP/1.1\r\n",
        "POST /echo HTTP/1.1\r\ncontent-length: 0\r\n",
        "GET /who HTTP/1.1\r\nhost: x\r\nhost: x\r\n",
        "GET /who HTTP/1.1\r\nHost: x\r\nhost: y\r\n",
        "GET /who HTTP/1.1\r\nhost: x y\r\n",
        "GET /who HTTP/1.1\r\nhost: x/who\r\n",
        "GET /who HTTP/1.1\r\nhost: user@x\r\n",
        "GET /who HTTP/1.1\r\nhost: x:port\r\n",
        "GET /who HTTP/1.1\r\nhost: x\u{e9}\r\n",
    ] {
        check(head, "400").await;
    }
}

#[tokio::test]
async fn a_request_that_names_one_host_is_served() {
    for head in [
        "GET /who HTTP/1.1\r\nhost: x\r\n",
        "GET /who HTTP/1.1\r\nHost: registry_1.example:7443\r\n",
        "GET /who HTTP/1.1\r\nhost: [::1]:7443\r\n",
        "GET /who HTTP/1.1\r\nhost:\r\n",
        "GET http://x/who HTTP/1.1\r\nhost: x\r\n",
    ] {
        check(head, "200").await;
    }
}

#[tokio::test]
async fn a_host_may_be_left_out_in_http_1_0_and_in_http_2() {
    let world = World::start(Limits::default()).await;
    for (head, status) in [("", "200"), ("host: x\r\n", "200"), ("host: x\r\nhost: x\r\n", "400")] {
        let answer = world.exchange(&format!("GET /who HTTP/1.0\r\n{head}\r\n")).await;
        let line = answer.lines().next().unwrap_or_default();
        assert_eq!(line.split(' ').nth(1), Some(status), "{head:?}: {answer}");
    }
    let client = Flood::open(world.addr, 2, 1 << 16).await;
    let request = Request::get("http://x/who").body(Unending::new(b"", 0)).unwrap();
    let answers = answered(vec![client.send(request)], Duration::from_secs(10)).await;
    assert_eq!(answers.first().map(|answer| answer.status()), Some(StatusCode::OK));
}
