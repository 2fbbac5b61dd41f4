//! Lists by pages, and how old a state may be.

use http::Method;
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use serde_json::Value;

use crate::world::{World, code, json};

/// Follows `Link: rel="next"` to the end.
async fn all(world: &World, first: &str, member: &str) -> (usize, Vec<Value>) {
    let (mut next, mut pages, mut found) = (Some(first.to_owned()), 0, Vec::new());
    while let Some(path) = next.take() {
        let page = world.get(&path).await;
        assert_eq!(page.status(), 200, "{path}: {:?}", page.body());
        found.extend(json(&page)[member].as_array().unwrap().iter().cloned());
        pages += 1;
        let link = page.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| {
            let target = link.strip_suffix(">; rel=\"next\"").unwrap();
            target.strip_prefix('<').unwrap().to_owned()
        });
    }
    (pages, found)
}

#[tokio::test]
async fn every_list_goes_on_at_its_link() {
    let world = World::start().await;
    for seed in 1..=5 {
        let key = SecretKey::from_seed(&[seed; 32]);
        world.enrol(&format!("https://p{seed}.example"), "k1", &key).await;
        let record = serde_json::json!({
            "schema": "pilox-registry-record-v1",
            "handle": format!("urn:pilox:agent:{seed}"),
            "updatedAt": "2026-03-20T12:00:00Z",
            "agentCardUrl": "https://a.example/card.json",
        });
        let put = world.call(Method::POST, "/v1/records", record.to_string().as_bytes()).await;
        assert_eq!(put.status(), 201);
    }
    for (path, member) in [("/v1/peers?limit=2", "peers"), ("/v1/records?limit=2", "handles")] {
        let (pages, found) = all(&world, path, member).await;
        assert_eq!((pages, found.len()), (3, 5), "{path}: {found:?}");
    }
    let whole = world.get("/v1/records").await;
    assert!(!whole.headers().contains_key("link") && json(&whole).get("next").is_none());
    world.stop().await;
}

#[tokio::test]
async fn a_state_older_than_the_caller_takes_is_refused() {
    // One of three, alone: it hears of no leader, and nobody knows how old its state is.
    let world = World::lonely().await;
    for path in ["/v1/records?max_age=1h", "/v1/records/urn:absent:1?max_age=1h"] {
        let refused = world.get(path).await;
        let found = (refused.status().as_u16(), json(&refused)["code"].clone());
        assert_eq!(found, (503, "state-too-old".into()), "{path}");
        assert!(refused.headers().contains_key("retry-after"));
    }
    let mut request = tonic::Request::new(wire::ListRequest::default());
    request.metadata_mut().insert("ecumene-max-age", "1h".parse().unwrap());
    let refused = world.directory().list_records(request).await.unwrap_err();
    assert_eq!((refused.code(), code(&refused)), (tonic::Code::Unavailable, "state-too-old"));
    assert_eq!(world.get("/v1/records").await.status(), 200, "without a bound it answers");
    world.stop().await;

    let world = World::start().await;
    let young = world.get("/v1/records?max_age=500ms&limit=5").await;
    assert_eq!(young.status(), 200, "{:?}", young.body());
    let wrong = world.get("/v1/records?max_age=500").await;
    assert_eq!(json(&wrong)["code"], "invalid-argument");
    world.stop().await;
}
