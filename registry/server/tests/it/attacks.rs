//! The attack cases of the trust model that meet the registry's documents and paths.

use http::{Method, Request};
use proto_types::SecretKey;
use serde_json::{Value, json};

use crate::visibility::token;
use crate::world::{World, json as body_of};

fn record() -> Value {
    json!({
        "schema": "pilox-registry-record-v1",
        "handle": "urn:pilox:agent:0001",
        "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/card.json",
    })
}

/// The status and the code of a refused document, from publishing and from the dry run.
async fn refused(world: &World, says: &str, document: &[u8]) {
    for path in ["/v1/records", "/v1/records/validate"] {
        let response = world.call(Method::POST, path, document).await;
        // The dry run tells what is wrong with strict JSON that is no record.
        let told = body_of(&response)["wouldAcceptWrite"] == json!(false);
        let refused = response.status() == 400 || (path.ends_with("validate") && told);
        assert!(refused, "{says} {path}: {:?}", response.body());
    }
    let catalog = body_of(&world.get("/v1/records").await);
    assert_eq!(catalog["handles"], json!([]), "{says}");
}

#[tokio::test]
async fn case_06_a_peer_writes_nothing_while_its_token_cannot_be_spent() {
    let [one, two, three] = World::three().await;
    let key = SecretKey::from_seed(&[5; 32]);
    one.enrol("https://peer.example", "k1", &key).await;
    two.stop().await;
    three.stop().await;
    let shown = token("https://peer.example", &key, "once");
    let request = Request::post("/v1/records")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {shown}"))
        .body(record().to_string().into());
    let response = one.send(request.unwrap()).await;
    assert_eq!(response.status(), 503, "{:?}", response.body());
    one.stop().await;
}

#[tokio::test]
async fn case_16_a_member_stated_twice_is_refused_wherever_and_however_encoded() {
    let world = World::start().await;
    let plain = record().to_string();
    let table = [
        ("twice", plain.replacen('{', r#"{"handle":"urn:other:0001","#, 1)),
        ("twice alike", plain.replacen('{', r#"{"schema":"pilox-registry-record-v1","#, 1)),
        ("twice, escaped", plain.replacen('{', r#"{"\u0068andle":"urn:other:0001","#, 1)),
        ("twice inside", plain.replacen('{', r#"{"pricing":{"model":"free","model":"paid"},"#, 1)),
        ("twice unsigned", plain.replacen('{', r#"{"proof":{"x":1,"\u0078":2},"#, 1)),
    ];
    for (says, document) in table {
        refused(&world, says, document.as_bytes()).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn case_17_texts_that_look_alike_or_are_no_text_are_refused() {
    let world = World::start().await;
    let plain = record().to_string();
    let with = |handle: &str| plain.replacen("urn:pilox:agent:0001", handle, 1);
    let table: [(&str, Vec<u8>); 6] = [
        ("a byte-order mark", [b"\xef\xbb\xbf", plain.as_bytes()].concat()),
        ("a lone surrogate", with(r"urn:pilox:\ud800gent").into_bytes()),
        ("a homoglyph", with("urn:pilox:\u{0430}gent:0001").into_bytes()),
        ("a composed letter", with("urn:pilox:\u{e9}:0001").into_bytes()),
        ("a decomposed letter", with("urn:pilox:e\u{301}:0001").into_bytes()),
        ("no UTF-8", plain.replacen("agent", "ag\u{1}nt", 1).replace('\u{1}', "\n").into_bytes()),
    ];
    for (says, document) in table {
        refused(&world, says, &document).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn case_18_numbers_that_a_reader_could_round_are_refused() {
    let world = World::start().await;
    let plain = record().to_string();
    for number in ["9007199254740993", "1e400", "-9007199254740993", "3600.5", "1e20"] {
        let member = format!("{{\"ttlSecondsRecommended\":{number},");
        refused(&world, number, plain.replacen('{', &member, 1).as_bytes()).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn case_32_a_path_has_one_reading_and_leads_to_one_route() {
    let world = World::start().await;
    let table = [
        "/v1//records",
        "//v1/records",
        "/v1/records/",
        "/v1/./records",
        "/v1/x/../records",
        "/v1/x%2f..%2frecords",
        "/v1/%2e%2e/v1/records",
        "/v1/records;a=b",
        "/v1%2frecords",
        "/V1/records",
        "/v1/records/..%2fhealth",
        "/v1/records/%2e%2e%2fhealth",
    ];
    for path in table {
        let response = world.get(path).await;
        assert!([400, 404].contains(&response.status().as_u16()), "{path}");
        let code = body_of(&response)["code"].as_str().unwrap_or_default().to_owned();
        let known = ["route-not-found", "not-found", "invalid-argument", "path-ambiguous"];
        assert!(known.contains(&code.as_str()), "{path}: {code}");
    }
    world.stop().await;
}
