//! The registry as a Pilox instance uses it.

use axum::body::{Body, Bytes};
use http::{Method, Request, Response};
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::federation::{agree, partner, publish};
use crate::site::{card, record as signed_record};
use crate::world::{OPERATOR, World, by, eventually, json, refused, vector_key};

fn record(handle: &str, more: &Value) -> Vec<u8> {
    let mut record = json!({
        "schema": "pilox-registry-record-v1", "handle": handle, "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/card.json",
    });
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    record.to_string().into_bytes()
}

async fn call(
    world: &World,
    (method, path): (Method, &str),
    bearer: Option<&str>,
    body: &[u8],
) -> Response<Bytes> {
    let request =
        Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = bearer
        .into_iter()
        .fold(request, |it, bearer| it.header("authorization", format!("Bearer {bearer}")));
    world.send(request.body(Body::from(body.to_vec())).unwrap()).await
}

const RECORDS: (Method, &str) = (Method::POST, "/v1/records");
const VALIDATE: (Method, &str) = (Method::POST, "/v1/records/validate");
const INSTANCES: (Method, &str) = (Method::POST, "/v1/admin/instances");

#[tokio::test]
async fn an_instance_token_writes_its_own_tenant_key_and_nothing_else() {
    let world = World::start().await;
    let asked = json!({ "tenantKey": "acme01", "origin": "https://acme.example/", "note": "x" });
    let asked = asked.to_string().into_bytes();
    assert_eq!(call(&world, INSTANCES, None, &asked).await.status(), 401);
    let created = call(&world, INSTANCES, Some(OPERATOR), &asked).await;
    assert_eq!(created.status(), 201, "{:?}", created.body());
    let created = json(&created);
    assert_eq!(
        (&created["tenantKey"], &created["origin"]),
        (&json!("acme01"), &json!("https://acme.example"))
    );
    let token = created["token"].as_str().unwrap().to_owned();
    let again = call(&world, INSTANCES, Some(OPERATOR), &asked).await;
    assert_eq!((again.status().as_u16(), &json(&again)["error"]), (409, &json!("tenant_exists")));
    for bad in ["../x", "", ".a", "a/b", "-a"] {
        let asked = json!({ "tenantKey": bad, "origin": "https://acme.example" }).to_string();
        let refused = call(&world, INSTANCES, Some(OPERATOR), asked.as_bytes()).await;
        assert_eq!(refused.status(), 400, "{bad}");
    }

    let own = record("acme01/translator", &json!({}));
    assert_eq!(call(&world, RECORDS, Some(&token), &own).await.status(), 201);
    let path = "/v1/records/acme01%2Ftranslator";
    assert_eq!(call(&world, (Method::GET, path), Some(&token), b"").await.body()[..], own[..]);
    for other in [
        "acme02/translator",
        "acme01",
        "acme01-x/translator",
        "acme01/a/b",
        "acme01/Upper",
        "urn:a:00000001",
    ] {
        let refused = call(&world, RECORDS, Some(&token), &record(other, &json!({}))).await;
        let told = json(&refused);
        let expected = if other.len() < 8 { 400 } else { 403 };
        assert_eq!(refused.status(), expected, "{other}: {told}");
        assert!(expected == 400 || told["error"] == "policy_denied", "{told}");
    }
    let dry = call(&world, VALIDATE, Some(&token), &record("acme02/translator", &json!({}))).await;
    let dry = json(&dry);
    assert_eq!(
        (&dry["wouldAcceptWrite"], &dry["instanceHandleOk"]),
        (&json!(false), &json!(false))
    );
    // Nobody else but the operator takes a name of the instance's.
    let key = SecretKey::from_seed(&[9; 32]);
    world.enrol("https://b.example", "k1", &key).await;
    let foreign = signed_record("acme01/stolen", "https://b.example/c", "https://b.example", &key);
    for bearer in [None, Some(&*token)] {
        // With the token it would be a record that the instance could not change again.
        assert_eq!(call(&world, RECORDS, bearer, &foreign).await.status(), 403, "{bearer:?}");
    }
    let shown = ["", "?visibility=private"].map(|query| format!("{}{query}", VALIDATE.1));
    for (path, would) in shown.iter().zip([true, false]) {
        let dry = json(&call(&world, (Method::POST, path), Some(&token), &own).await);
        assert_eq!(dry["wouldAcceptWrite"], would, "{path}: {dry}");
    }
    for (bearer, status) in [(None, 401), (Some(&*token), 200)] {
        let no_record = call(&world, VALIDATE, bearer, br#"{"handle":1}"#).await;
        assert_eq!(no_record.status(), status, "{bearer:?}");
    }

    assert_eq!(
        call(&world, (Method::DELETE, "/v1/records/urn%3Aa%3A00000001"), Some(&token), b"")
            .await
            .status(),
        403
    );
    assert_eq!(call(&world, (Method::DELETE, path), Some(&token), b"").await.status(), 200);
    let listed = json(&call(&world, (Method::GET, INSTANCES.1), Some(OPERATOR), b"").await);
    assert_eq!(listed["instances"][0]["tenantKey"], "acme01");
    assert!(!listed.to_string().contains(token.rsplit(':').next().unwrap()), "shown once");
    let gone = (Method::DELETE, "/v1/admin/instances/acme01");
    assert_eq!(call(&world, gone, Some(OPERATOR), b"").await.status(), 200);
    assert_eq!(call(&world, RECORDS, Some(&token), &own).await.status(), 401);
    world.stop().await;
}

#[tokio::test]
async fn an_instance_token_writes_over_grpc_what_it_writes_over_http() {
    let world = World::start().await;
    let asked = json!({ "tenantKey": "acme01", "origin": "https://acme.example" }).to_string();
    let created = json(&call(&world, INSTANCES, Some(OPERATOR), asked.as_bytes()).await);
    let token = created["token"].as_str().unwrap().to_owned();
    let mut directory = world.directory();
    let put = |handle: &str, visibility: &str| {
        let document = record(handle, &json!({})).into();
        let visibility = visibility.to_owned();
        by(&token, wire::PutRecordRequest { document, visibility, ..Default::default() })
    };
    let card = |handle: &str| wire::PutCardRequest {
        handle: handle.to_owned(),
        document: card("https://acme.example/rpc").to_string().into_bytes().into(),
        ..Default::default()
    };
    let delete = |handle: &str| {
        let (handle, if_match) = (handle.to_owned(), String::new());
        by(&token, wire::DeleteRecordRequest { handle, if_match })
    };
    let own = "acme01/translator";
    directory.put_record(put(own, "")).await.unwrap();
    directory.put_card(by(&token, card(own))).await.unwrap();
    let hides = directory.put_record(put(own, "private")).await;
    refused("hiding", hides, "permission-denied");
    for other in ["acme02/translator", "acme01-x/translator", "acme01/a/b", "urn:a:00000001"] {
        refused(other, directory.put_record(put(other, "")).await, "permission-denied");
        let card = directory.put_card(by(&token, card(other))).await;
        refused(other, card, "permission-denied");
        refused(other, directory.delete_record(delete(other)).await, "permission-denied");
    }
    let waiting = wire::ListPeerRequestsRequest::default();
    let listed = directory.list_peer_requests(by(&token, waiting)).await;
    refused("peers that wait", listed, "permission-denied");
    directory.delete_record(delete(own)).await.unwrap();
    refused("what is gone", directory.delete_record(delete(own)).await, "not-found");
    let gone = (Method::DELETE, "/v1/admin/instances/acme01");
    assert_eq!(call(&world, gone, Some(OPERATOR), b"").await.status(), 200);
    refused("a token that is no more", directory.put_record(put(own, "")).await, "unauthenticated");
    world.stop().await;
}

#[tokio::test]
async fn a_bearer_that_is_none_of_ours_reads_as_anybody() {
    let world = World::start().await;
    let document = record("urn:a:00000001", &json!({}));
    call(&world, RECORDS, Some(OPERATOR), &document).await;
    for path in [
        "/v1/records",
        "/v1/records/urn%3Aa%3A00000001",
        "/v1/resolve?agentCardUrl=x",
        "/v1/cards",
        "/v1/agents",
        "/v1/changes",
    ] {
        for bearer in ["some-other-registrys-secret", "deadbeef"] {
            let read = call(&world, (Method::GET, path), Some(bearer), b"").await;
            assert_eq!(read.status(), 200, "{path}");
            let nobody = call(&world, (Method::GET, path), None, b"").await;
            // A catalog says when it was signed.
            let told = |answer: &Response<Bytes>| match path {
                "/v1/records" => json(answer)["handles"].clone(),
                _ => json(answer),
            };
            assert_eq!(told(&read), told(&nobody), "{path}");
        }
        // Who says that it is somebody must be.
        for ours in ["gateway:g1:x", "instance:acme01:x", "eyJhbGciOiJFZERTQSJ9.e30.AA"] {
            let refused = call(&world, (Method::GET, path), Some(ours), b"").await;
            assert_eq!(refused.status(), 401, "{path} {ours}");
        }
    }
    let write = call(&world, RECORDS, Some("deadbeef"), &document).await;
    assert_eq!(write.status(), 401);
    world.stop().await;
}

#[tokio::test]
async fn a_body_of_the_same_time_replaces_and_the_dry_run_agrees_with_publishing() {
    let world = World::start().await;
    let validate = async |body: &[u8]| json(&call(&world, VALIDATE, Some(OPERATOR), body).await);
    let (first, second) = (
        record("urn:a:00000001", &json!({})),
        record("urn:a:00000001", &json!({ "version": "2" })),
    );
    let older = record("urn:a:00000001", &json!({ "updatedAt": "2026-03-19T12:00:00Z" }));
    for (body, status) in
        [(&first, 201), (&first, 201), (&second, 201), (&older, 409), (&second, 201)]
    {
        let told = validate(body).await;
        let published = call(&world, RECORDS, Some(OPERATOR), body).await;
        assert_eq!(published.status(), status, "{:?}", published.body());
        assert_eq!(told["wouldAcceptWrite"], status == 201, "{told}");
    }
    assert_eq!(world.get("/v1/records/urn%3Aa%3A00000001").await.body()[..], second[..]);
    // Where publishing would need a credential, so does trying.
    assert_eq!(call(&world, VALIDATE, None, &first).await.status(), 401);
    let told = validate(&first).await;
    for (name, value) in [
        ("publishReadinessMode", json!("off")),
        ("publishRequireAttestation", json!(false)),
        ("publishFetchAgentCard", json!(false)),
        ("instanceHandleOk", json!(true)),
        ("readiness", json!(null)),
    ] {
        assert_eq!(told[name], value, "{name}: {told}");
    }
    let path = "/v1/records/urn%3Aa%3A00000001";
    assert_eq!(world.call(Method::DELETE, path, b"").await.status(), 200);
    assert_eq!(world.call(Method::DELETE, path, b"").await.status(), 404);
    world.stop().await;
}

#[tokio::test]
async fn a_record_with_other_names_for_its_members_is_kept_with_the_proper_ones() {
    let world = World::start().await;
    let written = record(
        "urn:a:00000001",
        &json!({
            "docsUrl": "https://a.example/docs", "semver": "1.2.0", "pricingHint": "free",
            "buyerInputs": [{ "label": "Key", "kind": "env", "key": "API_KEY" }],
        }),
    );
    let published = call(&world, RECORDS, Some(OPERATOR), &written).await;
    assert_eq!(published.status(), 201, "{:?}", published.body());
    let read = world.get("/v1/records/urn%3Aa%3A00000001").await;
    assert_eq!(json(&published)["etag"], read.headers()["etag"].to_str().unwrap());
    let read = json(&read);
    assert_eq!(
        (&read["documentationUrl"], &read["version"]),
        (&json!("https://a.example/docs"), &json!("1.2.0"))
    );
    assert_eq!(read["buyerInputs"][0]["id"], "input-0");
    assert!(read.get("docsUrl").is_none() && read.get("pricingHint").is_none(), "{read}");
    assert_eq!(read["pricing"], json!({ "label": "free" }));
    assert_eq!(call(&world, RECORDS, Some(OPERATOR), &written).await.status(), 201, "again");
    // Another hint is another record, and one that nobody could be shown is named.
    let hinted = |hint: Value| {
        record(
            "urn:a:00000001",
            &json!({ "updatedAt": "2026-03-20T12:00:01Z", "pricingHint": hint }),
        )
    };
    let etag = |answer: &Response<Bytes>| json(answer)["etag"].clone();
    let free = call(&world, RECORDS, Some(OPERATOR), &hinted(json!("free"))).await;
    let paid = call(&world, RECORDS, Some(OPERATOR), &hinted(json!("paid"))).await;
    assert_eq!((free.status().as_u16(), paid.status().as_u16()), (201, 201));
    assert_ne!(etag(&free), etag(&paid));
    let lost = call(&world, RECORDS, Some(OPERATOR), &hinted(json!(0))).await;
    assert_eq!(lost.status(), 400);
    assert!(json(&lost).to_string().contains("pricingHint"), "{:?}", lost.body());
    world.stop().await;
}

#[tokio::test]
async fn the_catalog_is_whole_unless_it_says_that_it_is_not() {
    let world = World::start().await;
    for at in 0..3 {
        let document = record(&format!("urn:a:0000000{at}"), &json!({}));
        call(&world, RECORDS, Some(OPERATOR), &document).await;
    }
    let whole = json(&world.get("/v1/records").await);
    assert_eq!(whole["handles"].as_array().unwrap().len(), 3);
    assert!(whole.get("next").is_none() && whole.get("truncated").is_none(), "{whole}");
    let cut = json(&world.get("/v1/records?limit=2").await);
    assert_eq!((&cut["truncated"], cut["next"].is_string()), (&json!(true), true));
    assert_eq!(world.get("/v1/records?limit=100000").await.status(), 200);
    assert_eq!(world.get("/v1/records?limit=100001").await.status(), 400);
    world.stop().await;
}

/// Each refusal of one request too many failed a pull. With the third an entry was passed over, and a list of two long pages
/// never came to its end.
#[tokio::test]
async fn a_pull_waits_as_long_as_it_is_told_and_takes_all_there_is() {
    let home = World::start_with(|config| {
        // The list costs 64, and each record one.
        (config.bounds.source_requests_per_second, config.bounds.source_burst) = (20, 70);
    })
    .await;
    for at in 0..40 {
        publish(&home, &format!("urn:home:{at:04}")).await;
    }
    let here = World::outbound(|_| {}).await;
    agree(&here, "hive", &format!("http://{}", home.addr), |terms| {
        let key = vector_key("catalog").public().to_hex();
        (terms.kind, terms.catalog_key) = ("pilox".to_owned(), key);
    })
    .await;
    let shown = eventually("all of its records", || async {
        let shown = partner(&here, "hive").await;
        (shown.imported == 40).then_some(shown)
    })
    .await;
    assert_eq!((shown.passed_over, shown.failed_pulls), (0, 0), "{shown:?}");
    assert_eq!((&*shown.state, &*shown.reason), ("active", ""));
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn health_says_what_a_pilox_client_reads() {
    let world = World::start_with(|config| config.admission.write_enabled = false).await;
    let health = json(&world.get("/v1/health").await);
    for (name, value) in [
        ("ok", json!(true)),
        ("persistence", json!("postgres")),
        ("storage", json!("raft")),
        ("writeEnabled", json!(false)),
        ("publishReadiness", json!("off")),
        ("vcJwtRequired", json!(false)),
        ("externalPdpConfigured", json!(false)),
        ("postPolicyHandlePrefixes", json!(0)),
    ] {
        assert_eq!(health[name], value, "{name}: {health}");
    }
    let refused =
        call(&world, VALIDATE, Some(OPERATOR), &record("urn:a:00000001", &json!({}))).await;
    assert_eq!(
        (refused.status().as_u16(), &json(&refused)["error"]),
        (403, &json!("write_disabled"))
    );
    world.stop().await;
}

/// What `promtool check metrics` asks for, as far as a text shows it.
#[tokio::test]
async fn metrics_have_help_and_base_units_and_counters_end_in_total() {
    let world = World::start().await;
    let answer = world.get("/v1/metrics").await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let types: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() > 10, "{text}");
    for (name, kind) in types {
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        for unit in ["_ms", "_millis", "_milliseconds", "_us", "_micros", "_kib", "_minutes"] {
            assert!(!name.ends_with(unit), "{name}");
        }
        assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_marketplace_lists_verifies_and_exports_what_a_search_finds() {
    let world = World::start().await;
    let key = SecretKey::from_seed(&[9; 32]);
    let signed =
        signed_record("acme01/translator", "https://a.example/c", "https://a.example", &key);
    assert_eq!(call(&world, RECORDS, Some(OPERATOR), &signed).await.status(), 201);
    let plain = record("urn:a:00000001", &json!({ "version": "3" }));
    assert_eq!(call(&world, RECORDS, Some(OPERATOR), &plain).await.status(), 201);
    let mut card = crate::site::card("https://a.example/rpc");
    (card["name"], card["skills"][0]["tags"]) = (json!("Translator"), json!(["text", "language"]));
    let at = "/v1/cards/acme01%2Ftranslator";
    let put = world.call(Method::PUT, at, card.to_string().as_bytes()).await;
    assert_eq!(put.status(), 200, "{:?}", put.body());

    let listed = json(&world.get("/api/marketplace?refresh=1").await);
    assert_eq!((&listed["total"], &listed["limit"]), (&json!(2), &json!(50)), "{listed}");
    let found = json(&world.get("/api/marketplace?q=translator&tags=language&limit=1").await);
    let agent = &found["data"][0];
    for (name, value) in [
        ("handle", json!("acme01/translator")),
        ("name", json!("Translator")),
        ("agentCardUrl", json!("https://a.example/c")),
        ("jsonRpcUrl", json!("https://a.example/rpc")),
        ("tags", json!(["language", "text"])),
    ] {
        assert_eq!(agent[name], value, "{name}: {found}");
    }
    assert_eq!(
        (&found["total"], &found["meta"]["tags"]),
        (&json!(1), &json!(["language", "text"]))
    );
    let rest = json(&world.get("/api/marketplace?sort=handle&offset=1").await);
    assert_eq!(rest["data"][0]["handle"], "urn:a:00000001");
    assert_eq!(rest["data"][0]["version"], "3");

    let verify =
        async |handle: &str| json(&world.get(&format!("/api/marketplace/{handle}/verify")).await);
    let valid = verify("acme01%2Ftranslator").await;
    assert_eq!(
        (&valid["proofSummary"], &valid["proof"]),
        (&json!("valid"), &json!({ "ok": true }))
    );
    assert_eq!(verify("urn%3Aa%3A00000001").await["proofSummary"], "none");
    assert_eq!(verify("urn%3Aa%3A00000009").await["code"], "not-found");

    assert_eq!(world.get("/api/marketplace/catalog-export").await.status(), 401);
    let path = (Method::GET, "/api/marketplace/catalog-export");
    let export = json(&call(&world, path, Some(OPERATOR), b"").await);
    assert_eq!(export["schema"], "pilox-marketplace-catalog-export-v1");
    assert_eq!((&export["total"], export["agents"].as_array().unwrap().len()), (&json!(2), 2));
    // An entry of a long card is shown as the search knows it, beside its record; the others lose nothing by it.
    let mut long = card.clone();
    (long["name"], long["description"]) = (json!("Long"), json!("long ".repeat(20_000)));
    let at = "/v1/cards/urn%3Aa%3A00000001";
    let put = world.call(Method::PUT, at, long.to_string().as_bytes()).await;
    assert_eq!(put.status(), 200, "{:?}", put.body());
    let listed = json(&world.get("/api/marketplace?limit=2").await);
    let [long, whole] = listed["data"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&long["name"], &long["version"]), (&json!("Long"), &json!("3")), "{long}");
    assert!(long["description"].as_str().is_some_and(|text| text.len() <= 280), "{long}");
    assert_eq!((long.get("skills"), long.get("jsonRpcUrl")), (None, None), "{long}");
    assert_eq!(whole, agent);
    assert_eq!(json(&world.get("/api/marketplace?limit=1&offset=1").await)["data"], json!([whole]));
    // What is not for everybody is not in it.
    let hidden = record("urn:a:00000002", &json!({}));
    let private = (Method::POST, "/v1/records?visibility=private");
    assert_eq!(call(&world, private, Some(OPERATOR), &hidden).await.status(), 201);
    assert_eq!(json(&world.get("/api/marketplace").await)["total"], 2);
    assert_eq!(verify("urn%3Aa%3A00000002").await["code"], "not-found");
    world.stop().await;
}
