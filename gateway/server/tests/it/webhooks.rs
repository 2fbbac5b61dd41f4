//! Envelopes that a gateway takes to their receivers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use gateway_core::webhook::signature;
use gateway_server::WebhookConfig;
use http::StatusCode;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::upstream::{Server, answer, world_with};
use crate::world::{OPERATOR, Peer, World, by, eventually, now_secs, secret};

const TARGET: &str = "urn:agent:b";
const SECRET: &str = "webhook-secret-of-the-tests";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A world whose gateway takes the envelopes of the target there.
async fn world(url: String, attempts_max: u32) -> World {
    let folder = tempfile::tempdir().unwrap();
    let secret_file = secret(folder.path(), "webhook", SECRET);
    let target = TARGET.to_owned();
    world_with(|config| {
        config.webhooks.push(WebhookConfig { target, url, secret_file, attempts_max });
    })
    .await
}

async fn publish(world: &World, correlation: &str) -> Value {
    let envelope = json!({
        "v": 1, "correlationId": correlation, "sourceOrigin": "https://a.example",
        "targetHandle": TARGET, "payload": {"text": "hello"},
    });
    let peer = Peer::new("a", 1);
    let mut request = world.gateway.request(&peer, "/v1/publish", &envelope.to_string());
    request.headers_mut().insert("traceparent", TRACE.parse().unwrap());
    assert_eq!(world.gateway.send(request).await.status(), StatusCode::ACCEPTED);
    envelope
}

/// Waits until so many were taken and so many failed.
async fn counted(world: &World, taken: u32, failed: u32) {
    let lines = [
        format!("ecumene_gateway_webhook_deliveries_total {taken}\n"),
        format!("ecumene_gateway_webhook_failures_total {failed}\n"),
    ];
    eventually("the counters", || async {
        let metrics = world.gateway.get("/metrics").await;
        let text = std::str::from_utf8(metrics.body()).unwrap();
        lines.iter().all(|line| text.contains(line)).then_some(())
    })
    .await;
}

/// The one dead letter there is.
async fn dead_letter(world: &World) -> wire::DeadLetter {
    eventually("a dead letter", || async {
        let request = by(OPERATOR, wire::ListDeadLettersRequest::default());
        world.fleet().list_dead_letters(request).await.unwrap().into_inner().letters.pop()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envelope_is_taken_to_its_receiver_signed_until_that_takes_it_and_then_no_more() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let status = if tries.fetch_add(1, Ordering::Relaxed) == 0 { 503 } else { 204 };
        answer(status, "text/plain", "")
    })
    .await;
    let world = world(server.url(), 9).await;
    let sent = publish(&world, "corr-0001").await;
    counted(&world, 1, 1).await;
    let asked_for = server.asked();
    assert_eq!(asked_for.len(), 2);
    for (deliveries, asked) in (1..).zip(&asked_for) {
        let header = |name: &str| asked.headers[name].to_str().unwrap();
        let signed = header("ecumene-signature");
        let at_s = signed.strip_prefix("t=").unwrap().split_once(',').unwrap().0.parse().unwrap();
        let expected = signature(SECRET.as_bytes(), at_s, asked.body.to_string().as_bytes());
        assert_eq!(signed, expected);
        assert!(now_secs() - at_s < 60, "{signed}");
        assert_eq!(
            (&asked.body["envelope"], &asked.body["deliveries"]),
            (&sent, &json!(deliveries))
        );
        assert_eq!(asked.body["id"], header("ecumene-envelope-id"));
        assert_eq!((header("ecumene-correlation-id"), header("traceparent")), ("corr-0001", TRACE));
        assert!(!asked.headers.contains_key("authorization"), "{asked:?}");
    }
    assert_eq!(asked_for[0].body["id"], asked_for[1].body["id"]);
    // What was acknowledged is in no queue: another one comes alone.
    publish(&world, "corr-0002").await;
    counted(&world, 2, 1).await;
    let all = server.asked();
    assert_eq!((all.len(), &all[2].body["correlationId"]), (3, &json!("corr-0002")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_never_takes_is_a_dead_letter_that_is_delivered_when_it_is_replayed() {
    let status = Arc::new(AtomicU16::new(500));
    let answers = Arc::clone(&status);
    let server =
        Server::start(move |_| answer(answers.load(Ordering::Relaxed), "text/plain", "")).await;
    let world = world(server.url(), 2).await;
    let sent = publish(&world, "corr-0001").await;
    let letter = dead_letter(&world).await;
    assert_eq!((letter.cause.as_str(), letter.failures), ("attempts", 2));
    let reasons: Vec<_> = letter.attempts.iter().map(|attempt| attempt.reason.as_str()).collect();
    assert_eq!(reasons, ["the receiver answered 500"; 2]);
    status.store(200, Ordering::Relaxed);
    let name = wire::DeadLetterName { source: letter.source, id: letter.id };
    world.fleet().replay_envelope(by(OPERATOR, name)).await.unwrap();
    counted(&world, 1, 2).await;
    assert_eq!(server.asked()[2].body["envelope"], sent);

    status.store(410, Ordering::Relaxed);
    publish(&world, "corr-0002").await;
    let letter = dead_letter(&world).await;
    assert_eq!((letter.correlation.as_str(), letter.failures), ("corr-0002", 1), "told to go");
    counted(&world, 1, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_not_there_leaves_the_reason_of_each_attempt() {
    // A port that is free again.
    let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = world(format!("http://{addr}/envelopes"), 2).await;
    publish(&world, "corr-0001").await;
    let letter = dead_letter(&world).await;
    assert_eq!(letter.attempts.len(), 2);
    for attempt in &letter.attempts {
        assert!(!attempt.reason.contains("answered") && attempt.at_ms > 0, "{attempt:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_23_a_webhook_on_a_private_network_that_is_not_named_is_never_called() {
    let server = Server::start(|_| answer(204, "text/plain", "")).await;
    let folder = tempfile::tempdir().unwrap();
    let secret_file = secret(folder.path(), "webhook", SECRET);
    let (target, url) = (TARGET.to_owned(), server.url());
    let world = World::with(|config| {
        config.webhooks.push(WebhookConfig { target, url, secret_file, attempts_max: 1 });
    })
    .await;
    publish(&world, "corr-0001").await;
    let letter = dead_letter(&world).await;
    assert!(letter.attempts[0].reason.contains("loopback"), "{letter:?}");
    assert!(server.asked().is_empty());
}
