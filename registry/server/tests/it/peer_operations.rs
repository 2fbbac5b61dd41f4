//! Peers by signed operations over HTTP: enrolled, rotated, stolen, recovered; and the log of it all.

use http::{Method, Request};
use proto_types::manifest::{KeyUse, ManifestKey, RecoveryKey};
use proto_types::peer::{Action, PeerOperation, Replay, ReplayEntry, Retirement};
use proto_types::{Digest, Kid, Origin, SecretKey, Signed, WallMs, base64url};
use serde_json::{Value, json as object};

use crate::tokens::now_ms;
use crate::world::{World, json};

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn kid(seed: u8) -> Kid {
    format!("k{seed}").parse().unwrap()
}

pub(crate) fn signing(seed: u8) -> ManifestKey {
    let now = WallMs(now_ms());
    let (not_before, not_after) = (now.minus_ms(60_000), now.plus_ms(86_400_000));
    let public_key = key(seed).public().into();
    ManifestKey { kid: kid(seed), public_key, usage: KeyUse::Signing, not_before, not_after }
}

fn recovery(seed: u8) -> RecoveryKey {
    RecoveryKey { kid: kid(seed), public_key: key(seed).public() }
}

/// The bytes of an operation of `origin`, and its document digest.
pub(crate) fn operation(
    origin: &str,
    (epoch, seq, prev): (u64, u64, Option<Digest>),
    action: Action,
    keys: &[u8],
) -> (Vec<u8>, Digest) {
    let issued_at = WallMs(now_ms());
    let (issuer, expires_at) = (origin.parse().unwrap(), issued_at.plus_ms(60_000));
    let operation = PeerOperation { issuer, epoch, seq, issued_at, expires_at, prev, action };
    let secrets: Vec<_> = keys.iter().map(|seed| (kid(*seed), key(*seed))).collect();
    let named: Vec<_> = secrets.iter().map(|(kid, key)| (kid.clone(), key)).collect();
    let signed = Signed::sign(operation, &named).unwrap();
    (signed.bytes().to_vec(), signed.document_digest())
}

pub(crate) fn enrolment(origin: &str, seed: u8) -> (Vec<u8>, Digest) {
    let action = Action::Enrol { keys: vec![signing(seed)], recovery_keys: vec![recovery(9)] };
    operation(origin, (0, 1, None), action, &[seed, 9])
}

/// The body of `POST /v1/peers`.
pub(crate) fn enrolment_request(operation: &[u8], domain: bool) -> Vec<u8> {
    let operation: Value = serde_json::from_slice(operation).unwrap();
    object!({ "operation": operation, "domain": domain }).to_string().into_bytes()
}

pub(crate) fn path(origin: &str, rest: &str) -> String {
    format!("/v1/peers/{}{rest}", origin.replace(':', "%3A").replace('/', "%2F"))
}

/// A request by nobody.
pub(crate) async fn stranger(world: &World, path: &str, body: &[u8]) -> (u16, Value) {
    let request = Request::post(path).header("content-type", "application/json");
    let answer = world.send(request.body(body.to_vec().into()).unwrap()).await;
    (answer.status().as_u16(), json(&answer))
}

const ORIGIN: &str = "https://owned.example";

async fn operate(world: &World, document: &[u8]) -> (u16, Value) {
    stranger(world, &path(ORIGIN, "/operations"), document).await
}

async fn verified(world: &World) -> Replay {
    let answer = json(&world.get(&path(ORIGIN, "/operations?limit=1000&consistency=strong")).await);
    let mut replay = Replay::new(ORIGIN.parse::<Origin>().unwrap());
    for told in answer["entries"].as_array().unwrap() {
        let entry = serde_json::from_value(told["entry"].clone()).unwrap();
        let document = (!told["document"].is_null()).then(|| told["document"].to_string().into());
        replay.take(&ReplayEntry { entry, document }).unwrap();
        assert_eq!(told["digest"], replay.head().unwrap().to_string());
    }
    assert_eq!(answer["more"], false);
    replay
}

#[tokio::test]
async fn an_owner_enrols_rotates_and_recovers_and_a_stranger_verifies_the_log() {
    let world = World::start().await;
    let (document, enrolled) = enrolment(ORIGIN, 1);
    let (status, waits) = stranger(&world, "/v1/peers", &enrolment_request(&document, false)).await;
    assert_eq!((status, &waits["status"]), (202, &Value::from("pending")), "{waits}");
    assert_eq!(world.get(&path(ORIGIN, "")).await.status(), 404, "it waits");
    let waiting = json(&world.call(Method::GET, "/v1/peers/requests", b"").await);
    let id = waiting["requests"][0]["id"].clone();
    let decision = object!({ "id": id }).to_string();
    let (status, _) = stranger(&world, &path(ORIGIN, "/approve"), decision.as_bytes()).await;
    assert_eq!(status, 401, "only an operator lets it in");
    let approve = path(ORIGIN, "/approve");
    let approved = world.call(Method::POST, &approve, decision.as_bytes()).await;
    assert_eq!(approved.status(), 200, "{:?}", approved.body());

    let retire = vec![Retirement { kid: kid(1), not_after: WallMs(now_ms()).plus_ms(60_000) }];
    let action = Action::Rotate { add: vec![signing(2)], retire };
    let (rotation, rotated) = operation(ORIGIN, (0, 2, Some(enrolled)), action, &[1, 2]);
    assert_eq!(operate(&world, &rotation).await.0, 201);
    assert_eq!(operate(&world, &rotation).await.0, 201, "a repetition is no error");
    let stood = verified(&world).await.head().unwrap();

    let retire = vec![Retirement { kid: kid(2), not_after: WallMs(0) }];
    let action = Action::Rotate { add: vec![signing(6)], retire };
    let (theft, _) = operation(ORIGIN, (0, 3, Some(rotated)), action, &[2, 6]);
    assert_eq!(operate(&world, &theft).await.0, 201);
    let action =
        Action::Recover { after: stood, keys: vec![signing(3)], recovery_keys: vec![recovery(9)] };
    let place = (1, 3, Some(rotated));
    let (by_thief, _) = operation(ORIGIN, place, action.clone(), &[6, 3]);
    let (status, refused) = operate(&world, &by_thief).await;
    assert_eq!((status, &refused["code"]), (403, &Value::from("key-not-enrolled")), "{refused}");
    let namesake = RecoveryKey { public_key: key(8).public(), ..recovery(9) };
    let renamed =
        Action::Recover { after: stood, keys: vec![signing(3)], recovery_keys: vec![namesake] };
    let (status, refused) = operate(&world, &operation(ORIGIN, place, renamed, &[9, 3]).0).await;
    assert_eq!((status, &refused["code"]), (400, &Value::from("invalid-document")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("name it otherwise"), "{refused}");
    let (recovery, _) = operation(ORIGIN, place, action, &[9, 3]);
    assert_eq!(operate(&world, &recovery).await.0, 201);
    let replay = verified(&world).await;
    let voided: Vec<_> = replay.steps().iter().map(|step| step.void).collect();
    assert_eq!(voided, [false, false, true, false]);
    let peer = json(&world.get(&path(ORIGIN, "?consistency=strong")).await);
    assert_eq!((&peer["epoch"], &peer["keys"][0]["kid"]), (&1.into(), &Value::from("k3")));
    assert_eq!(peer["keys"].as_array().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_recovery_key_joins_no_peer_on_anothers_word() {
    let world = World::start().await;
    let enrol = || Action::Enrol { keys: vec![signing(1)], recovery_keys: vec![recovery(9)] };
    let unproven = (400, Value::from("bad-signature"));
    for keys in [&[1][..], &[9]] {
        let (document, _) = operation(ORIGIN, (0, 1, None), enrol(), keys);
        let (status, refused) =
            stranger(&world, "/v1/peers", &enrolment_request(&document, false)).await;
        assert_eq!((status, refused["code"].clone()), unproven, "{keys:?}: {refused}");
    }
    let (document, _) = operation(ORIGIN, (0, 1, None), enrol(), &[1, 9]);
    let (status, waits) = stranger(&world, "/v1/peers", &enrolment_request(&document, false)).await;
    assert_eq!(status, 202, "{waits}");
    // As many as a peer may have, and each has signed.
    let (keys, recovering): (Vec<u8>, Vec<u8>) = ((21..37).collect(), (41..45).collect());
    let most = Action::Enrol {
        keys: keys.iter().copied().map(signing).collect(),
        recovery_keys: recovering.iter().copied().map(recovery).collect(),
    };
    let all = [keys, recovering].concat();
    let (document, _) = operation("https://large.example", (0, 1, None), most, &all);
    let (status, waits) = stranger(&world, "/v1/peers", &enrolment_request(&document, false)).await;
    assert_eq!(status, 202, "{waits}");
    world.stop().await;
}

#[tokio::test]
async fn an_operator_suspends_and_resumes_and_the_roster_follows() {
    let world = World::start().await;
    world.enrol(ORIGIN, "k1", &key(1)).await;
    let act = async |verb: &str, body: &[u8]| {
        let answer = world.call(Method::POST, &path(ORIGIN, &format!("/{verb}")), body).await;
        (answer.status().as_u16(), json(&answer))
    };
    assert_eq!(act("suspend", br#"{"reason":"looked into"}"#).await.0, 200);
    let listed = async || {
        let roster = json(&world.get("/v1/peers/roster.json").await);
        roster["payload"]["peers"].as_array().unwrap().len()
    };
    assert_eq!(listed().await, 0, "its keys do not count");
    let peer = json(&world.get(&path(ORIGIN, "")).await);
    assert_eq!(peer["status"], "suspended");
    assert_eq!(act("resume", b"{}").await.0, 200);
    assert_eq!(listed().await, 1);
    assert_eq!(act("revoke", b"{}").await.0, 200);
    let (status, refused) = act("resume", b"{}").await;
    assert_eq!((status, &refused["code"]), (403, &Value::from("peer-not-active")));
    assert_eq!(act("tombstone", b"{}").await.0, 200);
    let unknown = path("https://nobody.example", "/suspend");
    assert_eq!(world.call(Method::POST, &unknown, b"{}").await.status(), 404);
    assert_eq!(act("suspend", br#"{"why":1}"#).await.0, 400);
    world.stop().await;
}

#[tokio::test]
async fn a_request_that_waits_is_not_counted_again_however_often_it_is_repeated() {
    let world = World::start().await;
    let (document, _) = enrolment(ORIGIN, 1);
    let body = enrolment_request(&document, false);
    // One source may ask ten times a minute.
    for _ in 0..15 {
        let (status, told) = stranger(&world, "/v1/peers", &body).await;
        assert_eq!((status, &told["status"]), (202, &Value::from("pending")), "{told}");
    }
    world.stop().await;
}

#[tokio::test]
async fn case_19_no_way_into_the_registry_takes_a_key_of_small_or_mixed_order() {
    let world = World::start().await;
    let (document, _) = enrolment(ORIGIN, 1);
    // The identity, a point of order 8, and y = p + 3: of small order, or not canonical.
    let small = hex("0100000000000000000000000000000000000000000000000000000000000000");
    let eight = hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    let wrapped = hex("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    for bytes in [small, eight, wrapped] {
        for list in ["keys", "recovery_keys"] {
            let mut bad: Value = serde_json::from_slice(&document).unwrap();
            bad["action"][list][0]["public_key"]["x"] = base64url::encode(&bytes).into();
            let (status, refused) = stranger(
                &world,
                "/v1/peers",
                &enrolment_request(bad.to_string().as_bytes(), false),
            )
            .await;
            let code = refused["code"].as_str().unwrap();
            assert_eq!((status, code), (400, "invalid-document"), "{list}: {refused}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn case_20_a_signature_with_slack_bits_padding_or_newlines_is_refused() {
    let world = World::start().await;
    let (document, _) = enrolment(ORIGIN, 1);
    let good: Value = serde_json::from_slice(&document).unwrap();
    let text = good["signatures"][0]["signature"].as_str().unwrap().to_owned();
    let slack = format!("{}B", &text[..text.len() - 1]);
    for bad in [format!("{text}=="), format!("{text}\n"), slack, text.replace('-', "+") + "+"] {
        let mut document = good.clone();
        document["signatures"][0]["signature"] = bad.clone().into();
        let body = enrolment_request(document.to_string().as_bytes(), false);
        let (status, refused) = stranger(&world, "/v1/peers", &body).await;
        assert_eq!((status, &refused["code"]), (400, &Value::from("invalid-document")), "{bad:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn case_21_a_signature_of_one_type_is_no_operation() {
    let world = World::start().await;
    world.enrol(ORIGIN, "k1", &key(1)).await;
    let action = Action::Rotate { add: vec![signing(2)], retire: vec![] };
    let (document, _) = operation(ORIGIN, (0, 1, None), action, &[1, 2]);
    let mut posing: Value = serde_json::from_slice(&document).unwrap();
    // The very members, signed as a manifest would be: over the manifest's domain tag.
    let signatures = posing["signatures"].take();
    posing.as_object_mut().unwrap().remove("signatures");
    let canonical = proto_types::json::canonical(&posing);
    let tagged = [b"ecumene/ecumene-peer-manifest-v1\0".as_slice(), &canonical].concat();
    let payload = base64url::encode(&tagged);
    let resigned = signatures.as_array().unwrap().iter().zip([1, 2]).map(|(jws, seed)| {
        let protected = jws["protected"].as_str().unwrap();
        let signature = key(seed).sign(format!("{protected}.{payload}").as_bytes());
        object!({ "protected": protected, "signature": base64url::encode(&signature) })
    });
    posing["signatures"] = resigned.collect();
    let (status, refused) = operate(&world, posing.to_string().as_bytes()).await;
    assert_eq!((status, &refused["code"]), (400, &Value::from("bad-signature")), "{refused}");
    let (status, refused) = stranger(&world, "/v1/peers/manifests", &document).await;
    assert_eq!((status, &refused["code"]), (400, &Value::from("invalid-document")), "{refused}");
    assert_eq!(operate(&world, &document).await.0, 201);
    world.stop().await;
}

fn hex(text: &str) -> [u8; 32] {
    Digest::parse(&format!("sha256:{text}")).unwrap().0
}
