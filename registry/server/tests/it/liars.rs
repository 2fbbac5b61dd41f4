//! Partners that lie, stall or never end, and the others that do not suffer from it.

use proto_types::{Digest, SecretKey};
use serde_json::json;

use crate::federation::{agree, arrives, key, partner, publish};
use crate::site::{Answer, Site, catalog, now, record};
use crate::world::{World, eventually};

const HANDLE: &str = "urn:liar:0001";

/// Every way in which this registry answers ends in a quarantine with this word in its reason, and
/// a good partner's entries come all the same.
async fn is_caught(
    kind: &str,
    word: &str,
    answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static,
) {
    let liar = Site::start(answer).await;
    let (good, here) = (World::start().await, World::abroad(|_| {}).await);
    agree(&here, "liar", &liar.origin(), |terms| {
        (terms.kind, terms.catalog_key) = (kind.to_owned(), key().public().to_hex());
    })
    .await;
    agree(&here, "good", &format!("http://{}", good.addr), |_| {}).await;
    let caught = eventually("the quarantine", || async {
        let shown = partner(&here, "liar").await;
        (shown.state == "quarantined").then_some(shown)
    })
    .await;
    assert!(caught.reason.contains(word), "{}", caught.reason);
    assert_eq!(caught.imported, 0);
    publish(&good, "urn:good:0001").await;
    arrives(&here, "urn:good:0001").await;
    let visits = liar.connections();
    publish(&good, "urn:good:0002").await;
    arrives(&here, "urn:good:0002").await;
    assert_eq!(liar.connections(), visits, "it is left alone");
    good.stop().await;
    here.stop().await;
}

fn document() -> Vec<u8> {
    record(HANDLE, "https://a.example/card.json", "https://a.example", &key())
}

#[tokio::test]
async fn a_catalog_by_another_key_is_a_lie() {
    let other = SecretKey::from_seed(&[1; 32]);
    is_caught("pilox", "agreed key", move |_, _| {
        (200, catalog(&[HANDLE], now(), &other).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn a_catalog_without_a_signature_is_a_lie() {
    is_caught("pilox", "not signed", |_, _| {
        (200, json!({ "handles": [HANDLE] }).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn a_record_under_another_handle_is_a_lie() {
    is_caught("pilox", "another handle", |_, path| match path {
        "/v1/records" => {
            (200, catalog(&["urn:victim:0001"], now(), &key()).to_string().into_bytes())
        }
        _ => (200, document()),
    })
    .await;
}

/// A page of an Ecumene registry with one entry.
fn page(digest: &Digest, head: u64) -> Vec<u8> {
    let entry = json!({
        "kind": "record", "handle": HANDLE, "digest": digest.to_string(), "revision": 1,
        "namespace": "default", "owner": null,
    });
    json!({ "entries": [entry], "head": head, "nextAfter": "" }).to_string().into_bytes()
}

#[tokio::test]
async fn bytes_that_are_not_those_of_their_digest_are_a_lie() {
    is_caught("ecumene", "digest", |_, path| match path {
        "/v1/records/urn%3Aliar%3A0001" => (200, document()),
        _ => (200, page(&Digest::of(b"something else"), 1)),
    })
    .await;
}

#[tokio::test]
async fn a_revision_that_goes_back_is_a_lie() {
    is_caught("ecumene", "went back", |_, path| {
        let empty = |head: u64| json!({ "entries": [], "head": head, "next": 0, "nextAfter": "" });
        let head = if path.starts_with("/v1/federation/entries") { 9 } else { 3 };
        (200, empty(head).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn a_list_that_is_not_in_order_is_a_lie() {
    is_caught("ecumene", "order", |_, _| {
        let entry = |handle: &str| {
            json!({
                "kind": "record", "handle": handle, "digest": null, "revision": 1,
                "namespace": "default", "owner": null,
            })
        };
        let entries = [entry("urn:b:00000001"), entry("urn:a:00000001")];
        (200, json!({ "entries": entries, "head": 1, "nextAfter": "" }).to_string().into_bytes())
    })
    .await;
}

#[tokio::test]
async fn case_27_endless_pages_of_a_catalog_end_at_the_budget_and_harm_nobody() {
    let endless = Site::start(|_, path| {
        let number: u64 = path
            .rsplit_once("page")
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or_default();
        let handle = format!("urn:endless:{number:08}");
        let mut body = catalog(&[&handle], now(), &key());
        body["next"] = format!("page{}", number + 1).into();
        (200, body.to_string().into_bytes())
    })
    .await;
    let (good, here) =
        (World::start().await, World::abroad(|config| config.federation.requests_max = 20).await);
    agree(&here, "endless", &endless.origin(), |terms| {
        (terms.kind, terms.catalog_key) = ("pilox".to_owned(), key().public().to_hex());
        terms.quota = 5;
    })
    .await;
    agree(&here, "good", &format!("http://{}", good.addr), |_| {}).await;
    eventually("the endless partner", || async { (endless.connections() > 0).then_some(()) }).await;
    publish(&good, "urn:good:0001").await;
    arrives(&here, "urn:good:0001").await;
    assert_eq!(partner(&here, "endless").await.imported, 0);
    good.stop().await;
    here.stop().await;
}
