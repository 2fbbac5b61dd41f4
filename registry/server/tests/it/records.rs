//! Records: published, read back byte for byte, replaced, deleted.

use axum::body::Body;
use http::{Method, Request};
use proto_types::pilox::catalog::CatalogProof;
use proto_types::{Digest, WallMs};
use proto_wire::registry::v1 as wire;
use serde_json::Value;

use crate::world::{OPERATOR, World, by, code, json, vector_key, vectors};

fn record(name: &str) -> (String, Vec<u8>) {
    let record = vectors()["records"][name]["record"].clone();
    let handle = record["handle"].as_str().unwrap().to_owned();
    // Bytes that no serialiser of ours would print.
    let text = serde_json::to_string_pretty(&record).unwrap() + "\n";
    (handle, text.into_bytes())
}

fn path(handle: &str) -> String {
    format!("/v1/records/{}", handle.replace(':', "%3A"))
}

#[tokio::test]
async fn a_record_is_read_back_byte_for_byte_under_its_etag() {
    let world = World::start().await;
    for name in ["valid_hive", "valid_pilox"] {
        let (handle, document) = record(name);
        let etag = Digest::of(&document).etag();
        let published = world.call(Method::POST, "/v1/records", &document).await;
        assert_eq!(published.status(), 201, "{:?}", published.body());
        assert_eq!(published.headers()["etag"], etag.as_str());
        let answer = json(&published);
        assert_eq!((&answer["ok"], &answer["handle"]), (&true.into(), &handle.as_str().into()));
        assert_eq!(answer["assurance"], "self-asserted");

        let read = world.get(&path(&handle)).await;
        assert_eq!(read.status(), 200);
        assert_eq!(read.body()[..], document[..]);
        assert_eq!(read.headers()["etag"], etag.as_str());
        assert_eq!(read.headers()["cache-control"], "public, max-age=3600");
        assert!(read.headers().contains_key("ecumene-revision"));

        let known = Request::get(path(&handle)).header("if-none-match", &etag);
        let unchanged = world.send(known.body(Body::empty()).unwrap()).await;
        assert_eq!((unchanged.status().as_u16(), unchanged.body().len()), (304, 0));

        let request = wire::GetRecordRequest { handle: handle.clone(), consistency: 1 };
        let read = world.directory().get_record(request).await.unwrap();
        assert!(read.metadata().contains_key("ecumene-revision"));
        assert!(!read.metadata().contains_key("ecumene-age-ms"), "a strong read has no age");
        assert_eq!(read.get_ref().document[..], document[..]);
    }
    world.stop().await;
}

#[tokio::test]
async fn the_catalog_names_every_record_and_verifies() {
    let world = World::start().await;
    for name in ["valid_hive", "valid_pilox"] {
        world.call(Method::POST, "/v1/records", &record(name).1).await;
    }
    let catalog = json(&world.get("/v1/records").await);
    let handles: Vec<String> = serde_json::from_value(catalog["handles"].clone()).unwrap();
    assert_eq!(handles, [record("valid_hive").0, record("valid_pilox").0]);
    let proof: CatalogProof = serde_json::from_value(catalog["catalogProof"].clone()).unwrap();
    assert!(proof.verify(&handles, &vector_key("catalog").public()).unwrap() > WallMs(0));
    assert!(catalog.get("next").is_none());
    let first = json(&world.get("/v1/records?limit=1").await);
    assert_eq!(first["next"], handles[0].as_str());
    let rest = json(&world.get(&format!("/v1/records?after={}", handles[0])).await);
    assert_eq!(rest["handles"], serde_json::json!([handles[1]]));

    let url = "/v1/resolve?agentCardUrl=https%3A%2F%2Fa.example%2F.well-known%2Fagent-card.json";
    assert_eq!(json(&world.get(url).await)["handles"], serde_json::json!([handles[0]]));
    world.stop().await;
}

#[tokio::test]
async fn an_older_record_or_one_under_a_condition_replaces_nothing() {
    let world = World::start().await;
    let (handle, document) = record("valid_hive");
    world.call(Method::POST, "/v1/records", &document).await;
    let unsigned = |updated_at: &str| {
        let mut record: Value = serde_json::from_slice(&document).unwrap();
        record.as_object_mut().unwrap().remove("proof");
        record["updatedAt"] = updated_at.into();
        record.to_string().into_bytes()
    };
    let older = world.call(Method::POST, "/v1/records", &unsigned("2026-03-19T12:00:00Z")).await;
    assert_eq!((older.status().as_u16(), &json(&older)["error"]), (409, &"stale_updatedAt".into()));
    let ahead = world.call(Method::POST, "/v1/records", &unsigned("2999-01-01T00:00:00Z")).await;
    assert_eq!((ahead.status().as_u16(), &json(&ahead)["code"]), (400, &"too-far-ahead".into()));

    let newer = unsigned("2026-03-21T12:00:00Z");
    let put = |if_match: &str| wire::PutRecordRequest {
        document: newer.clone().into(),
        if_match: if_match.to_owned(),
        visibility: String::new(),
    };
    let wrong = Digest::of(b"another").to_string();
    let refused = world.directory().put_record(by(OPERATOR, put(&wrong))).await.unwrap_err();
    assert_eq!(code(&refused), "precondition-failed");
    let right = Digest::of(&document).to_string();
    let put = world.directory().put_record(by(OPERATOR, put(&right))).await.unwrap();
    assert_eq!(put.get_ref().assurance, "unsigned");
    assert_eq!(world.get(&path(&handle)).await.body()[..], newer[..]);
    world.stop().await;
}

#[tokio::test]
async fn a_deleted_record_is_gone_and_its_old_version_does_not_return() {
    let world = World::start().await;
    let (handle, document) = record("valid_hive");
    world.call(Method::POST, "/v1/records", &document).await;
    let deleted = world.call(Method::DELETE, &path(&handle), b"").await;
    assert_eq!(
        (deleted.status().as_u16(), &json(&deleted)["deleted"]),
        (200, &handle.as_str().into())
    );
    let absent = world.get(&path(&handle)).await;
    assert_eq!((absent.status().as_u16(), &json(&absent)["error"]), (404, &"not_found".into()));
    let again = world.call(Method::POST, "/v1/records", &document).await;
    assert_eq!(again.status(), 409);
    assert_eq!(json(&world.get("/v1/records").await)["handles"], serde_json::json!([]));
    world.stop().await;
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_stores_nothing() {
    let world = World::start().await;
    let validate =
        async |body: Vec<u8>| json(&world.call(Method::POST, "/v1/records/validate", &body).await);
    let good = validate(record("valid_hive").1).await;
    assert_eq!((&good["wouldAcceptWrite"], &good["schemaValid"]), (&true.into(), &true.into()));
    let forged = validate(record("key_swapped").1).await;
    assert_eq!(
        (&forged["wouldAcceptWrite"], &forged["schemaValid"]),
        (&false.into(), &true.into())
    );
    assert_eq!(forged["code"], "bad-proof");
    let none = validate(b"{\"handle\":1}".to_vec()).await;
    assert_eq!((&none["wouldAcceptWrite"], &none["schemaValid"]), (&false.into(), &false.into()));
    assert!(!none["schemaErrors"].as_array().unwrap().is_empty());
    assert!(none["schemaErrors"][0]["instancePath"].is_string());
    let broken = world.call(Method::POST, "/v1/records/validate", b"{").await;
    assert_eq!((broken.status().as_u16(), &json(&broken)["error"]), (400, &"invalid_json".into()));
    assert_eq!(json(&world.get("/v1/records").await)["handles"], serde_json::json!([]));
    world.stop().await;
}

#[tokio::test]
async fn a_record_past_its_end_is_gone() {
    let world = World::start().await;
    let (handle, document) = record("valid_hive");
    let mut record: Value = serde_json::from_slice(&document).unwrap();
    record.as_object_mut().unwrap().remove("proof");
    record["validUntil"] = "2026-03-21T00:00:00Z".into();
    let published = world.call(Method::POST, "/v1/records", record.to_string().as_bytes()).await;
    assert_eq!(published.status(), 201);
    let read = world.get(&path(&handle)).await;
    assert_eq!((read.status().as_u16(), &json(&read)["error"]), (410, &"record_expired".into()));
    assert_eq!(json(&read)["validUntil"], "2026-03-21T00:00:00.000Z");
    world.stop().await;
}
