//! Handles as Pilox builds them, and others that no path could hold: whatever is published is read and
//! deleted by its path, one segment, decoded once.

use std::collections::BTreeSet;

use http::Method;
use proto_types::path::encode;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::site::card;
use crate::world::{OPERATOR, World, by, code, json};

/// What may be in a handle and has a meaning in a path.
const ODD: [&str; 8] = [
    "acme01/translator",
    "https://a.example/agents/1",
    "acme01//translator/",
    "a%2Fb%252Fc",
    "what?is#this;now",
    "...../...x",
    "[::1]:80@host,a=b",
    "{handle}/*rest",
];

fn record(handle: &str) -> Vec<u8> {
    let record = json!({
        "schema": "pilox-registry-record-v1", "handle": handle, "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/card.json",
    });
    record.to_string().into_bytes()
}

#[tokio::test]
async fn whatever_handle_is_published_is_read_changed_and_deleted_by_its_path() {
    let world = World::start().await;
    for handle in ODD {
        let (path, document) = (format!("/v1/records/{}", encode(handle)), record(handle));
        let published = world.call(Method::POST, "/v1/records", &document).await;
        assert_eq!(published.status(), 201, "{handle}: {:?}", published.body());
        assert_eq!(world.get(&path).await.body()[..], document[..], "{handle}");
        let lower = path.replace("%2F", "%2f");
        assert_eq!(world.get(&lower).await.status(), 200, "{handle}");
        let listed = json(&world.get("/v1/records").await);
        assert_eq!(listed["handles"], json!([handle]));
        let changes = json(&world.get("/v1/changes?since=0&kinds=record").await);
        assert!(changes["changes"].as_array().unwrap().iter().any(|it| it["id"] == handle));

        let at = format!("/v1/cards/{}", encode(handle));
        let card = card("https://a.example/rpc").to_string();
        let put = world.call(Method::PUT, &at, card.as_bytes()).await;
        assert_eq!(put.status(), 200, "{handle}");
        assert_eq!(world.get(&at).await.status(), 200, "{handle}");

        let deleted = world.call(Method::DELETE, &path, b"").await;
        assert_eq!((deleted.status().as_u16(), &json(&deleted)["deleted"]), (200, &handle.into()));
        assert_eq!(world.get(&path).await.status(), 404, "{handle}");
    }
    world.stop().await;
}

/// Words of the contract that stand where a path may have a handle.
fn words(contract: &Value) -> BTreeSet<&str> {
    let paths = || contract["paths"].as_object().unwrap().keys();
    let before = paths().filter_map(|path| path.split_once("{handle}")).map(|(before, _)| before);
    let before: BTreeSet<&str> = before.collect();
    let found =
        before.iter().flat_map(|before| paths().filter_map(move |it| it.strip_prefix(*before)));
    let found = found.map(|rest| rest.split('/').next().unwrap());
    found.filter(|word| !word.starts_with('{')).collect()
}

/// Caught: `GET /v1/records/validate` was 405, for the path was that of a dry run alone.
#[tokio::test]
async fn a_handle_that_is_a_word_of_the_contract_is_read_and_deleted_by_its_plain_path() {
    let world = World::start().await;
    let contract = json(&world.get("/openapi/registry-v1.json").await);
    let words = words(&contract);
    assert_eq!(words, BTreeSet::from(["catalog-export", "validate"]));
    for word in words {
        let (path, document) = (format!("/v1/records/{word}"), record(word));
        let published = world.call(Method::POST, "/v1/records", &document).await;
        assert_eq!(published.status(), 201, "{word}: {:?}", published.body());
        let escaped = format!("/v1/records/%{:02X}{}", word.as_bytes()[0], &word[1..]);
        for path in [&path, &escaped] {
            assert_eq!(world.get(path).await.body()[..], document[..], "{path}");
            assert_eq!(world.call(Method::HEAD, path, b"").await.status(), 200, "{path}");
        }
        let at = format!("/v1/cards/{word}");
        let card = card("https://a.example/rpc").to_string();
        assert_eq!(world.call(Method::PUT, &at, card.as_bytes()).await.status(), 200, "{word}");
        assert_eq!(world.get(&at).await.status(), 200, "{word}");
        let verified = world.get(&format!("/api/marketplace/{word}/verify")).await;
        assert_eq!((verified.status().as_u16(), &json(&verified)["handle"]), (200, &word.into()));
        let deleted = world.call(Method::DELETE, &path, b"").await;
        assert_eq!((deleted.status().as_u16(), &json(&deleted)["deleted"]), (200, &word.into()));
        assert_eq!(json(&world.get(&path).await)["code"], "not-found", "{word}");
    }
    let tried = world.call(Method::POST, "/v1/records/validate", &record("urn:agent:1")).await;
    assert_eq!(json(&tried)["wouldAcceptWrite"], true);
    let refused = world.call(Method::PUT, "/v1/records/validate", b"{}").await;
    assert_eq!(refused.status(), 405);
    let allowed = refused.headers()["allow"].to_str().unwrap();
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        assert!(allowed.split(',').any(|it| it.trim() == method), "{allowed}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_handle_that_no_path_can_hold_is_refused_where_it_is_published() {
    let world = World::start().await;
    for handle in ["acme01/../translator", "acme01/./x1", "../metrics"] {
        let refused = world.call(Method::POST, "/v1/records", &record(handle)).await;
        assert_eq!(refused.status(), 400, "{handle}");
        assert_eq!(json(&refused)["errors"][0]["instancePath"], "/handle");
        let path = format!("/v1/cards/{}", encode(handle));
        let refused = world.call(Method::PUT, &path, b"{}").await;
        assert_eq!(json(&refused)["code"], "path-ambiguous", "{handle}");
        let request = wire::PutCardRequest {
            handle: handle.to_owned(),
            document: card("https://a.example/rpc").to_string().into_bytes().into(),
            ..Default::default()
        };
        let refused = world.directory().put_card(by(OPERATOR, request)).await.unwrap_err();
        assert_eq!(code(&refused), "invalid-argument", "{handle}");
    }
    for path in ["/v1/records/..", "/v1/records/%2e%2e/x", "/v1/records//x", "/v1/records/a%2F.."] {
        assert_eq!(json(&world.get(path).await)["code"], "path-ambiguous", "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_refusal_names_the_member_once_and_its_type_is_a_page_that_is_served() {
    let world = World::start().await;
    let long = world.get(&format!("/v1/records/{}", "h".repeat(600))).await;
    let problem: Value = json(&long);
    assert_eq!(problem["detail"], "handle: 600 characters, but 1 to 512 are allowed");
    let page = world.get(problem["type"].as_str().unwrap()).await;
    assert_eq!(page.status(), 200);
    assert!(page.body().starts_with(b"# invalid-argument\n"), "{:?}", page.body());
    assert_eq!(page.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(world.get(&format!("/docs/errors/{}", "no-such-code")).await.status(), 404);
    let none = world.call(Method::PUT, "/v1/cards/acme01", b"{\"skills\":[]}").await;
    let text = String::from_utf8_lossy(none.body()).into_owned();
    assert!(!text.contains(&u64::MAX.to_string()), "{text}");
    world.stop().await;
}
