//! Peers: enrolled with proof, stated in manifests, listed in the roster, revoked.

use http::Method;
use proto_types::manifest::{Endpoints, KeyUse, ManifestKey, PeerManifest};
use proto_types::pilox::roster;
use proto_types::{Digest, Kid, SecretKey, Signed, WallMs};
use proto_wire::registry::v1 as wire;
use registry_api::decode::peer::possession_message;

use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, code, json, vector_key};

const ORIGIN: &str = "https://a.example";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn with_proof(origin: &str, key: &SecretKey, join_token: &str) -> wire::EnrolPeerRequest {
    let message = possession_message(&origin.parse().unwrap(), &"k1".parse().unwrap());
    wire::EnrolPeerRequest {
        origin: origin.to_owned(),
        keys: vec![wire::Key {
            kid: "k1".to_owned(),
            public_key_hex: key.public().to_hex(),
            ..Default::default()
        }],
        join_token: join_token.to_owned(),
        proofs: vec![key.sign(&message).to_vec().into()],
        ..Default::default()
    }
}

fn kid(name: u8) -> Kid {
    format!("k{name}").parse().unwrap()
}

fn manifest(seq: u64, prev: Option<Digest>, signed_by: &[u8], states: u8) -> (Vec<u8>, Digest) {
    let now = WallMs(now_ms());
    let document = PeerManifest {
        issuer: ORIGIN.parse().unwrap(),
        seq,
        issued_at: now,
        expires_at: now.plus_ms(86_400_000),
        prev,
        keys: vec![ManifestKey {
            kid: kid(states),
            public_key: key(states).public().into(),
            usage: KeyUse::Signing,
            not_before: WallMs(0),
            not_after: now.plus_ms(86_400_000),
        }],
        recovery_keys: vec![],
        endpoints: Endpoints::default(),
        capabilities: vec![],
        contact: None,
    };
    let keys: Vec<_> = signed_by.iter().map(|name| (kid(*name), key(*name))).collect();
    let keys: Vec<_> = keys.iter().map(|(kid, key)| (kid.clone(), key)).collect();
    let signed = Signed::sign(document, &keys).unwrap();
    (signed.bytes().to_vec(), signed.document_digest())
}

#[tokio::test]
async fn a_join_token_admits_one_peer_that_proves_its_key() {
    let world = World::start().await;
    let token = world.invite("peer").await;
    let mut directory = world.directory();
    let mut forged = with_proof(ORIGIN, &key(1), &token);
    forged.proofs = with_proof(ORIGIN, &key(2), &token).proofs;
    assert_eq!(code(&directory.enrol_peer(forged).await.unwrap_err()), "bad-signature");
    let peer = directory.enrol_peer(with_proof(ORIGIN, &key(1), &token)).await.unwrap();
    assert_eq!(
        (peer.get_ref().origin.as_str(), peer.get_ref().status.as_str()),
        (ORIGIN, "active")
    );
    let again = directory.enrol_peer(with_proof(ORIGIN, &key(1), &token)).await.unwrap();
    assert_eq!(again.get_ref().revision, peer.get_ref().revision, "a repetition is no error");
    let other = with_proof("https://b.example", &key(2), &token);
    assert_eq!(code(&directory.enrol_peer(other).await.unwrap_err()), "join-token-invalid");
    let node = world.invite("node").await;
    let wrong = with_proof("https://b.example", &key(2), &node);
    assert_eq!(code(&directory.enrol_peer(wrong).await.unwrap_err()), "join-token-invalid");
    world.stop().await;
}

#[tokio::test]
async fn a_manifest_moves_the_peers_keys_and_never_back() {
    let world = World::start().await;
    world.enrol(ORIGIN, "k1", &key(1)).await;
    let post = async |document: &[u8]| {
        let answer = world.call(Method::POST, "/v1/peers/manifests", document).await;
        (answer.status().as_u16(), json(&answer)["code"].as_str().unwrap_or_default().to_owned())
    };
    let refused = |status, code: &str| (status, code.to_owned());
    let (stranger, _) = manifest(1, None, &[9], 9);
    assert_eq!(post(&stranger).await, refused(403, "key-not-enrolled"));
    let (unheld, _) = manifest(1, None, &[1], 2);
    assert_eq!(post(&unheld).await, refused(400, "bad-signature"), "the new key has not signed");
    let (first, first_digest) = manifest(1, None, &[1, 2], 2);
    assert_eq!(post(&first).await.0, 201);
    assert_eq!(post(&first).await.0, 201, "a repetition is no error");

    let (with_old_key, _) = manifest(2, Some(first_digest), &[1], 1);
    assert_eq!(post(&with_old_key).await, refused(403, "key-not-enrolled"));
    let (fork, _) = manifest(2, Some(Digest::of(b"another")), &[2], 2);
    assert_eq!(post(&fork).await, refused(409, "conflict"));
    let (second, _) = manifest(2, Some(first_digest), &[2], 2);
    assert_eq!(post(&second).await.0, 201);
    let (lower, _) = manifest(1, None, &[2], 2);
    assert_eq!(post(&lower).await, refused(409, "sequence-not-higher"));

    let request = wire::GetPeerRequest { origin: ORIGIN.to_owned(), consistency: 1 };
    let peer = world.directory().get_peer(request).await.unwrap().into_inner();
    assert_eq!(peer.manifest[..], second[..]);
    assert_eq!((peer.manifest_seq, &peer.keys[0].public_key_hex), (2, &key(2).public().to_hex()));
    world.stop().await;
}

#[tokio::test]
async fn the_roster_lists_active_peers_and_verifies() {
    let world = World::start().await;
    world.enrol("https://b.example", "k1", &key(2)).await;
    world.enrol(ORIGIN, "k1", &key(1)).await;
    let listed = async || {
        let answer = world.get("/v1/peers/roster.json").await;
        let roster = roster::verify(answer.body(), &vector_key("catalog").public()).unwrap();
        roster.peers.iter().map(|peer| peer.origin.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [ORIGIN, "https://b.example"]);
    let request = wire::RevokePeerRequest { origin: "https://b.example".to_owned() };
    world.directory().revoke_peer(by(OPERATOR, request)).await.unwrap();
    assert_eq!(listed().await, [ORIGIN]);

    let page = json(&world.get("/v1/peers").await);
    assert_eq!(page["peers"][1]["status"], "revoked");
    let first = json(&world.get("/v1/peers?limit=1").await);
    assert_eq!(first["peers"][0]["origin"], ORIGIN);
    let next = format!("/v1/peers?cursor={}", first["next"].as_str().unwrap());
    assert_eq!(json(&world.get(&next).await)["peers"][0]["origin"], "https://b.example");
    world.stop().await;
}

#[tokio::test]
async fn a_record_signed_by_an_enrolled_key_needs_no_other_credential_and_is_kept() {
    let world = World::start().await;
    let key = vector_key("a");
    world.enrol(ORIGIN, "k1", &key).await;
    let document = crate::world::vectors()["records"]["valid_hive"]["record"].to_string();
    let put = |document: String| wire::PutRecordRequest {
        document: document.into_bytes().into(),
        if_match: String::new(),
        visibility: String::new(),
    };
    // Most of what it says is not covered by its proof: from a stranger's hand that is nobody's word.
    let record = world.directory().put_record(put(document.clone())).await.unwrap().into_inner();
    assert_eq!((record.assurance.as_str(), record.owner.as_str()), ("self-asserted", ORIGIN));
    let token = crate::visibility::token(ORIGIN, &key, "the-owners");
    let own = by(&token, put(document.replacen("tasks", "tools", 1)));
    let record = world.directory().put_record(own).await.unwrap().into_inner();
    assert_eq!((record.assurance.as_str(), record.owner.as_str()), ("enrolled", ORIGIN));
    let back = world.directory().put_record(put(document.clone())).await.unwrap_err();
    assert_eq!(code(&back), "stale-updated-at", "and not back");
    let unsigned =
        document.replacen("2026-03-20T12", "2026-03-21T12", 1).replace("sigHex", "other");
    let refused = world.directory().put_record(by(OPERATOR, put(unsigned))).await.unwrap_err();
    assert_eq!(code(&refused), "not-owner", "what a peer has signed only that peer replaces");
    world.stop().await;
}

#[tokio::test]
async fn the_roster_is_made_once_for_each_state() {
    let world = World::start().await;
    world.enrol(ORIGIN, "k1", &key(1)).await;
    let first = world.get("/v1/peers/roster.json").await;
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        // When it was issued is among what was signed.
        assert_eq!(world.get("/v1/peers/roster.json").await.body(), first.body());
    }
    world.enrol("https://b.example", "k1", &key(2)).await;
    let next = world.get("/v1/peers/roster.json").await;
    assert!(next.body().len() > first.body().len(), "a change is seen at once");
    world.stop().await;
}
