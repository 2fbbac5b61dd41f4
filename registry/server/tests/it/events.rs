//! Changes as server-sent events, and the seam between what was and what comes.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use serde_json::Value;
use tokio::time::timeout;

use crate::world::{OPERATOR, PATIENCE, World, by, json};

/// The events of a stream, one at a time.
struct Events {
    body: hyper::body::Incoming,
    rest: String,
}

impl Events {
    async fn open(world: &World, path: &str, last: Option<&str>) -> Self {
        let request = Request::get(path).header("accept", "text/event-stream");
        let request = match last {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let response = world.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("ecumene-revision"));
        Self { body: response.into_body(), rest: String::new() }
    }

    /// The next block of lines.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(block);
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.unwrap()?.unwrap();
            self.rest.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next change with the id of its event.
    async fn change(&mut self) -> (String, Value) {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let Some(lines) = block.strip_prefix("id: ") else { continue };
            let (id, rest) = lines.split_once('\n').unwrap();
            let data = rest.strip_prefix("event: change\ndata: ").unwrap();
            return (id.to_owned(), serde_json::from_str(data).unwrap());
        }
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

#[tokio::test]
async fn events_tell_the_past_and_what_comes_and_resume_by_their_id() {
    let world = World::start().await;
    world.enrol("https://a.example", "k1", &key(1)).await;
    let mut events = Events::open(&world, "/v1/changes?kinds=peer", None).await;
    assert_eq!(events.block().await.unwrap(), "retry: 1000");
    let (first, change) = events.change().await;
    assert_eq!(change["id"], "https://a.example");
    assert_eq!(change["revision"].to_string(), first);
    world.enrol("https://b.example", "k1", &key(2)).await;
    assert_eq!(events.change().await.1["id"], "https://b.example");
    world.enrol("https://c.example", "k1", &key(3)).await;
    // The id goes before `since`, as an event source that connects again has both.
    let mut resumed = Events::open(&world, "/v1/changes?since=0&kinds=peer", Some(&first)).await;
    assert_eq!(resumed.change().await.1["id"], "https://b.example");
    assert_eq!(resumed.change().await.1["id"], "https://c.example");
    let mut filtered = Events::open(&world, "/v1/changes?prefix=https://c", None).await;
    assert_eq!(filtered.change().await.1["id"], "https://c.example");
    drop((events, resumed, filtered));
    world.stop().await;
}

#[tokio::test]
async fn events_end_with_the_reason_when_the_member_stops() {
    let world = World::start().await;
    let mut events = Events::open(&world, "/v1/changes", None).await;
    let stopped = tokio::spawn(world.stop());
    let mut last = String::new();
    while let Some(block) = events.block().await {
        last = block;
    }
    let data = last.strip_prefix("event: problem\ndata: ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["code"], "stopping");
    assert_eq!(stopped.await.unwrap().drained.cut, 0);
}

/// Watchers that come while changes do: each must see every change once, in order, whether it
/// reads it from history or lives through it.
#[tokio::test]
async fn nothing_is_lost_or_told_twice_between_history_and_live() {
    const CHANGES: u8 = 120;
    let world = World::start().await;
    let watch = async |at: u8| {
        // Begin at different moments of the writing.
        tokio::time::sleep(Duration::from_millis(u64::from(at) * 7)).await;
        let kinds = vec!["peer".to_owned()];
        let request = wire::WatchRequest { kinds, ..Default::default() };
        let mut changes =
            world.directory().watch(by(OPERATOR, request)).await.unwrap().into_inner();
        for seed in 1..=CHANGES {
            let change = timeout(PATIENCE, changes.message()).await.unwrap().unwrap().unwrap();
            assert_eq!(change.id, format!("https://p{seed:03}.example"), "watcher {at}");
        }
    };
    let write = async {
        for seed in 1..=CHANGES {
            world.enrol(&format!("https://p{seed:03}.example"), "k1", &key(seed)).await;
        }
    };
    let watchers = futures_util::future::join_all((0..12).map(watch));
    tokio::join!(watchers, write);
    world.stop().await;
}

/// Caught: whatever there was to pass over was read at once, and counted as one request.
#[tokio::test]
async fn who_waits_for_what_does_not_come_pays_for_each_page_that_is_read() {
    let world = World::start_with(|config| {
        (config.bounds.source_requests_per_second, config.bounds.source_burst) = (1, 8);
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for seed in 1..=12 {
        world.enrol(&format!("https://p{seed}.example"), "k1", &key(seed)).await;
    }
    // Pages of one change, at a request each.
    let path = "/v1/changes?since=0&prefix=nothing&limit=1&wait=500ms";
    let end = json(&world.call(Method::GET, path, b"").await)["next"].as_u64().unwrap();
    let asked = Request::get(path).header("x-forwarded-for", "192.0.2.1").body(Body::empty());
    let paid = json(&world.send(asked.unwrap()).await);
    assert_eq!(paid["changes"], serde_json::json!([]));
    let next = paid["next"].as_u64().unwrap();
    assert!(0 < next && next < end, "{next} of {end}: it may go on there");
    world.stop().await;
}

#[tokio::test]
async fn watchers_are_counted_and_one_too_many_is_refused() {
    let world = World::start_with(|config| config.bounds.watchers_max = 1).await;
    let events = Events::open(&world, "/v1/changes", None).await;
    let refused = world.get("/v1/changes?wait=1s").await;
    assert_eq!(
        (refused.status().as_u16(), &json(&refused)["code"]),
        (429, &"too-many-streams".into())
    );
    assert!(refused.headers().contains_key("retry-after"));
    let refused = world.directory().watch(wire::WatchRequest::default()).await.unwrap_err();
    assert_eq!(crate::world::code(&refused), "too-many-streams");
    drop(events);
    // The place comes back once the server has seen the close.
    crate::world::eventually("a place", || async {
        (world.get("/v1/changes").await.status() == 200).then_some(())
    })
    .await;
    world.stop().await;
}
