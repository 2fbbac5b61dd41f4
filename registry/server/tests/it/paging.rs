//! Lists by pages, and how old a state may be.

use http::Method;
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use serde_json::Value;

use crate::world::{OPERATOR, World, by, code, json};

const CARD: &str = r#"{"name":"A","description":"an agent","version":"1","supportedInterfaces":[{"url":"https://a.example/rpc","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{},"defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain"],"skills":[{"id":"s","name":"s","description":"s","tags":["s"]}]}"#;

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
        let path = format!("/v1/cards/urn%3Apilox%3Aagent%3A{seed}");
        let put = world.call(Method::PUT, &path, CARD.as_bytes()).await;
        assert_eq!(put.status(), 200, "{:?}", put.body());
    }
    let lists = [
        ("/v1/peers?limit=2", "peers"),
        ("/v1/records?limit=2", "handles"),
        ("/v1/cards?limit=2", "handles"),
    ];
    for (path, member) in lists {
        let (pages, found) = all(&world, path, member).await;
        assert_eq!((pages, found.len()), (3, 5), "{path}: {found:?}");
    }
    let whole = world.get("/v1/records").await;
    assert!(!whole.headers().contains_key("link") && json(&whole).get("next").is_none());
    world.stop().await;
}

/// Follows `next` to the end, over gRPC.
macro_rules! walked {
    ($world:expr, $call:ident, $entries:ident) => {{
        let (mut after, mut found) = (String::new(), Vec::new());
        for page in 0.. {
            assert!(page < 9, "the list does not end");
            let request = by(OPERATOR, wire::ListRequest { after, limit: 2, consistency: 1 });
            let answer = $world.directory().$call(request).await.unwrap().into_inner();
            found.push(answer.$entries.len());
            after = answer.next;
            if after.is_empty() {
                break;
            }
        }
        found
    }};
}

#[tokio::test]
async fn a_cursor_over_grpc_goes_on_in_its_own_list_and_in_no_other() {
    let world = World::start().await;
    for seed in 1..=3 {
        let key = SecretKey::from_seed(&[seed; 32]);
        world.enrol(&format!("https://p{seed}.example"), "k1", &key).await;
        let path = format!("/v1/cards/urn%3Apilox%3Aagent%3A{seed}");
        let put = world.call(Method::PUT, &path, CARD.as_bytes()).await;
        assert_eq!(put.status(), 200, "{:?}", put.body());
        let path = format!("/v1/namespaces/n{seed}");
        assert_eq!(world.call(Method::PUT, &path, b"{}").await.status(), 200);
    }
    assert_eq!(walked!(world, list_peers, peers), [2, 1]);
    assert_eq!(walked!(world, list_cards, handles), [2, 1]);
    assert_eq!(walked!(world, list_namespaces, namespaces), [2, 1]);
    let asked = |after: &str| {
        by(OPERATOR, wire::ListRequest { after: after.into(), limit: 1, consistency: 1 })
    };
    let mut directory = world.directory();
    let next = directory.list_cards(asked("")).await.unwrap().into_inner().next;
    assert!(!next.contains("urn:"), "opaque: {next}");
    let refused = [
        directory.list_records(asked(&next)).await.map(drop),
        directory.list_agents(asked(&next)).await.map(drop),
        directory.list_peers(asked(&next)).await.map(drop),
        directory.list_namespaces(asked(&next)).await.map(drop),
        world.fleet().list_nodes(asked(&next)).await.map(drop),
        // A raw name is no cursor.
        directory.list_cards(asked("urn:pilox:agent:1")).await.map(drop),
    ];
    for refused in refused.map(Result::unwrap_err) {
        let said = (refused.code(), code(&refused));
        assert_eq!(said, (tonic::Code::InvalidArgument, "invalid-argument"));
    }
    let other = world.get(&format!("/v1/records?cursor={next}")).await;
    assert_eq!(json(&other)["code"], "invalid-argument");
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
