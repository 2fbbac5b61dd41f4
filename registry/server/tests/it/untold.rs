//! What an answer to one who may write tells nobody: that something hidden was there, and when something was stored.

use http::Method;
use proto_types::{Kid, SecretKey};
use serde_json::{Value, json};

use crate::visibility::{
    HIDDEN_URL, STRANGER, VISIBLE, at, put, record, request, stranger_key, token, visible,
};
use crate::world::{World, json as body_of};

/// Caught: a dry run that compares with tombstones by itself; `is_unknown` that is always false.
#[tokio::test]
async fn a_deleted_private_record_is_to_a_stranger_as_if_it_had_never_been() {
    const DELETED: &str = "urn:agent:deleted:01";
    const NEVER: &str = "urn:agent:neverwas:01";
    const OWNER: &str = "https://owner.example";
    let world = World::start().await;
    let owner_key = SecretKey::from_seed(&[78; 32]);
    world.enrol(STRANGER, "k1", &stranger_key()).await;
    world.enrol(OWNER, "k1", &owner_key).await;
    let signed = |handle: &str, origin: &str, key: &SecretKey| {
        let bare = serde_json::from_slice(&record(handle, HIDDEN_URL)).unwrap();
        let (origin, kid) = (origin.parse().unwrap(), Kid::parse("k1").unwrap());
        let signed = proto_types::pilox::proof::sign(&bare, &origin, &kid, key).unwrap();
        signed.raw().to_string().into_bytes()
    };
    let hidden = signed(DELETED, OWNER, &owner_key);
    put(&world, "/v1/records?visibility=private", Method::POST, &hidden).await;
    put(&world, &at("records", DELETED), Method::DELETE, b"").await;
    let mut serial = 0;
    let mut ask = |path: &'static str, handle: &'static str, as_peer: bool| {
        serial += 1;
        let shown = token(STRANGER, &stranger_key(), &format!("deleted-{serial}"));
        let document = signed(handle, STRANGER, &stranger_key());
        let shown = as_peer.then_some(shown);
        let request = request(&Method::POST, path, &document, shown.as_deref());
        let world = &world;
        async move {
            let (status, headers, body) = visible(&world.send(request).await);
            let timed = ["etag", "ecumene-revision"];
            let headers = headers.into_iter().filter(|(name, _)| !timed.contains(&name.as_str()));
            let headers: Vec<_> = headers.collect();
            let body: Value = serde_json::from_str(&body.replace(handle, "HANDLE")).unwrap();
            let without_etag = body.as_object().unwrap().clone();
            let without_etag = without_etag.into_iter().filter(|(name, _)| name != "etag");
            (status, headers, without_etag.collect::<Vec<_>>())
        }
    };
    for as_peer in [false, true] {
        let path = "/v1/records/validate";
        let (one, two) = (ask(path, DELETED, as_peer).await, ask(path, NEVER, as_peer).await);
        assert_eq!(one, two);
        assert!(one.2.contains(&("wouldAcceptWrite".to_owned(), json!(true))), "{one:?}");
    }
    let (one, two) =
        (ask("/v1/records", DELETED, true).await, ask("/v1/records", NEVER, true).await);
    assert_eq!(one, two);
    assert_eq!(one.0, 201);
    world.stop().await;
}

/// Caught: `stored_ms` among the members of a refusal.
#[tokio::test]
async fn publishing_tells_nobody_the_time_of_what_is_stored() {
    let world = World::start().await;
    let open = record(VISIBLE, "https://open.example/card.json");
    let newer = String::from_utf8(open.clone()).unwrap().replace("12:00:00Z", "12:00:41Z");
    put(&world, "/v1/records", Method::POST, newer.as_bytes()).await;
    for (path, status) in [("/v1/records", 409), ("/v1/records/validate", 200)] {
        let stale = world.call(Method::POST, path, &open).await;
        let visible = String::from_utf8_lossy(stale.body()).into_owned();
        assert_eq!(stale.status(), status, "{visible}");
        assert_eq!(body_of(&stale)["code"], "stale-updated-at");
        for time in ["stored_ms", "12:00:41", "1774008041"] {
            assert!(!visible.contains(time), "{path}: {visible}");
        }
    }
    world.stop().await;
}
