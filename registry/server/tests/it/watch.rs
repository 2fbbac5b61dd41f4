//! Watching: the past and then what comes, in order, without a gap.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use tokio::time::timeout;

use crate::world::{OPERATOR, PATIENCE, World, by, code, json, vectors};

fn watch(since: u64, kinds: &[&str]) -> wire::WatchRequest {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    wire::WatchRequest { since, kinds, ..Default::default() }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

#[tokio::test]
async fn a_watch_tells_the_past_and_then_what_comes() {
    let world = World::start().await;
    world.enrol("https://a.example", "k1", &key(1)).await;
    let mut changes =
        world.directory().watch(by(OPERATOR, watch(0, &["peer"]))).await.unwrap().into_inner();
    let mut next = async || {
        let change = timeout(PATIENCE, changes.message()).await.unwrap().unwrap().unwrap();
        (change.id, change.revision)
    };
    let (first, since) = next().await;
    assert_eq!(first, "https://a.example");
    // A record is not asked for; the invitation is nobody's business.
    let record = vectors()["records"]["valid_hive"]["record"].to_string();
    world.call(Method::POST, "/v1/records", record.as_bytes()).await;
    for seed in 2..40 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    let mut last = since;
    for seed in 2..40 {
        let (id, revision) = next().await;
        assert_eq!(id, format!("https://p{seed}.example"));
        assert!(revision > last);
        last = revision;
    }
    let mut resumed =
        world.directory().watch(by(OPERATOR, watch(last - 1, &[]))).await.unwrap().into_inner();
    assert_eq!(resumed.message().await.unwrap().unwrap().id, "https://p39.example");
    world.stop().await;
}

/// Caught: each took what a whole page would have cost, of which it had nothing.
#[tokio::test]
async fn who_watches_or_polls_for_what_is_new_pays_for_what_comes() {
    let world = World::start_with(|config| {
        (config.bounds.source_requests_per_second, config.bounds.source_burst) = (1, 40);
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let end = json(&world.call(Method::GET, "/v1/changes", b"").await)["next"].as_u64().unwrap();
    let mut watching = Vec::new();
    for _ in 0..15 {
        let mut request = tonic::Request::new(watch(end, &[]));
        request.metadata_mut().insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
        watching.push(world.directory().watch(request).await.unwrap());
        let poll = http::Request::get(format!("/v1/changes?since={end}"));
        let poll = poll.header("x-forwarded-for", "192.0.2.1").body(Body::empty());
        assert_eq!(world.send(poll.unwrap()).await.status(), 200);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_long_poll_ends_with_the_first_change_or_with_its_time() {
    let world = World::start().await;
    let empty = json(&world.get("/v1/changes?wait=50ms").await);
    assert_eq!(empty, serde_json::json!({ "changes": [], "next": 0 }));
    let polled = world.get("/v1/changes?since=0&wait=30s");
    let enrolled = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.enrol("https://a.example", "k1", &key(1)).await;
    };
    let (polled, ()) = tokio::join!(polled, enrolled);
    let polled = json(&polled);
    assert_eq!(polled["changes"][0]["id"], "https://a.example");
    assert_eq!(polled["next"], polled["changes"][0]["revision"]);
    world.stop().await;
}

#[tokio::test]
async fn a_stranger_sees_the_directory_and_not_the_fleet() {
    let world = World::start().await;
    world.node("n1").await;
    world.enrol("https://a.example", "k1", &key(1)).await;
    let seen = json(&world.get("/v1/changes").await);
    assert_eq!(seen["changes"].as_array().unwrap().len(), 1, "{seen}");
    let refused = world.directory().watch(watch(0, &["node"])).await.unwrap_err();
    assert_eq!(code(&refused), "unauthenticated");
    let seen = json(&world.call(Method::GET, "/v1/changes?kinds=node", b"").await);
    assert_eq!(seen["changes"][0]["id"], "n1");
    world.stop().await;
}

#[tokio::test]
async fn a_stopping_member_ends_its_watches() {
    let world = World::start().await;
    let mut changes = world.directory().watch(watch(0, &[])).await.unwrap().into_inner();
    let stopped = tokio::spawn(world.stop());
    let ended = timeout(PATIENCE, changes.message()).await.unwrap().unwrap_err();
    assert_eq!(code(&ended), "stopping");
    drop(changes);
    assert_eq!(stopped.await.unwrap().drained.cut, 0);
}
