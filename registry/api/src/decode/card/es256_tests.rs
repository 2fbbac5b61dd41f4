//! Cards that a key for ES256 has signed, and what else such a key may not do.

#![expect(clippy::unwrap_used, reason = "tests")]

use proto_types::key::{AnyKey, Signer};
use proto_types::manifest::{Endpoints, KeyUse, ManifestKey, PeerManifest};
use proto_types::peer::{Action, PeerOperation};
use proto_types::{SecretKey, Signed, Stamp, WallMs};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{EnrolPeer, Proposal};
use registry_core::entry::{Approval, EnrolledKey};
use registry_core::view::Memory;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

use super::*;
use crate::decode::{manifest, operation};

const NOW: WallMs = WallMs(1_800_000_000_000);
const DAY_MS: u64 = 86_400_000;
const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// A key for ES256, as the tools of a peer hold one.
struct Es256(EcdsaKeyPair);

impl Es256 {
    fn fresh() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let drawn = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, drawn.as_ref(), &random).unwrap())
    }
}

impl Signer for Es256 {
    fn public(&self) -> AnyKey {
        let digits = self.0.public_key().as_ref().iter().map(|byte| format!("{byte:02x}"));
        AnyKey::from_hex(&digits.collect::<String>()).unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        let parts: &[u8] = signature.as_ref();
        parts.try_into().unwrap()
    }
}

fn kid(name: &str) -> Kid {
    name.parse().unwrap()
}

fn own(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// The peers A and B, with the signing keys `k1` of the seeds 1 and 2.
fn peers() -> Memory {
    let mut view = Memory::default();
    for (origin, seed) in [(A, 1), (B, 2)] {
        let command = Command::EnrolPeer(EnrolPeer {
            origin: origin.parse().unwrap(),
            keys: vec![EnrolledKey::new(kid("k1"), own(seed).public())],
            approval: Approval::Operator,
        });
        let change = registry_core::apply(&view, Stamp { now: NOW }, &command).unwrap();
        view.commit(&change.writes);
    }
    view
}

fn commit(view: &mut Memory, proposal: Proposal) -> Option<Refusal> {
    let change = registry_core::apply_batch(view, Stamp { now: NOW }, &[proposal]).unwrap();
    view.commit(&change.writes);
    change.replies[0].iter().find_map(|reply| match reply {
        Reply::Refused(refusal) => Some(refusal.clone()),
        _ => None,
    })
}

fn operation_of(origin: &str, action: Action, by: &[(Kid, &dyn Signer)]) -> Vec<u8> {
    let operation = PeerOperation {
        issuer: origin.parse().unwrap(),
        epoch: 0,
        seq: 1,
        issued_at: NOW,
        expires_at: NOW.plus_ms(1_000),
        prev: None,
        action,
    };
    Signed::sign(operation, by).unwrap().bytes().to_vec()
}

fn card_key(key: &Es256) -> ManifestKey {
    ManifestKey {
        kid: kid("es"),
        public_key: key.public(),
        usage: KeyUse::Card,
        not_before: WallMs(0),
        not_after: NOW.plus_ms(DAY_MS),
    }
}

fn delegate(origin: &str, key: &Es256, by: &[(Kid, &dyn Signer)]) -> Vec<u8> {
    operation_of(origin, Action::Delegate { keys: vec![card_key(key)] }, by)
}

/// Takes the key in for the cards of A.
fn join(view: &mut Memory, key: &Es256) {
    let document = delegate(A, key, &[(kid("k1"), &own(1)), (kid("es"), key)]);
    let proposal = operation::operate(&document, None, view, NOW).unwrap();
    assert_eq!(commit(view, proposal), None);
}

fn signed(key: &dyn Signer) -> Vec<u8> {
    let card = json!({
        "name": "Text", "description": "d", "version": "1",
        "supportedInterfaces": [{
            "url": "https://a.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true },
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": "s", "name": "s", "description": "d", "tags": ["t"] }],
    });
    jws::sign(&card, &kid("es"), key).unwrap().into_bytes()
}

fn brought(view: &Memory, owner: &str, document: &[u8]) -> Result<Put, Code> {
    let terms = Terms { owner, visibility: "" };
    put(&Principal::Anonymous, "text", document, &terms, view).map_err(|problem| problem.code())
}

#[test]
fn a_card_by_a_key_for_es256_is_enrolled_once_that_key_has_joined() {
    let (mut view, key) = (peers(), Es256::fresh());
    let card = signed(&key);
    assert_eq!(brought(&view, A, &card).map(drop), Err(Code::KeyNotEnrolled));
    let unproven = delegate(A, &key, &[(kid("k1"), &own(1))]);
    let refused = operation::operate(&unproven, None, &view, NOW).unwrap_err();
    assert_eq!(refused.code(), Code::BadSignature);
    let forged = delegate(A, &key, &[(kid("k1"), &own(1)), (kid("es"), &Es256::fresh())]);
    let refused = operation::operate(&forged, None, &view, NOW).unwrap_err();
    assert_eq!(refused.code(), Code::BadSignature);

    join(&mut view, &key);
    let put = brought(&view, A, &card).unwrap();
    assert_eq!((put.assurance, put.owner.as_ref().unwrap().as_str()), (Assurance::Enrolled, A));
    assert_eq!(commit(&mut view, put.proposal), None);
    let kept = query::card(&view, &"text".parse().unwrap()).unwrap().unwrap();
    assert_eq!((kept.assurance, kept.kid), (Assurance::Enrolled, Some(kid("es"))));
}

#[test]
fn a_card_by_another_key_than_the_one_for_es256_is_refused() {
    let (mut view, key) = (peers(), Es256::fresh());
    join(&mut view, &key);
    let other = brought(&view, A, &signed(&Es256::fresh()));
    assert_eq!(other.map(drop), Err(Code::BadSignature));
    let ed25519 = brought(&view, A, &signed(&own(1)));
    assert_eq!(ed25519.map(drop), Err(Code::BadSignature), "the header says EdDSA");
    let of_b = brought(&view, B, &signed(&key));
    assert_eq!(of_b.map(drop), Err(Code::KeyNotEnrolled), "the key is not B's");
}

#[test]
fn two_peers_do_not_share_a_key_for_es256() {
    let (mut view, key) = (peers(), Es256::fresh());
    join(&mut view, &key);
    let document = delegate(B, &key, &[(kid("k1"), &own(2)), (kid("es"), &key)]);
    let proposal = operation::operate(&document, None, &view, NOW).unwrap();
    let taken = Refusal::Conflict { kind: "key".into(), id: "es".into() };
    assert_eq!(commit(&mut view, proposal), Some(taken));
}

#[test]
fn a_key_for_es256_signs_neither_operations_nor_manifests() {
    let (mut view, key) = (peers(), Es256::fresh());
    join(&mut view, &key);
    let resume = operation_of(A, Action::Resume {}, &[(kid("es"), &key)]);
    let refused = operation::operate(&resume, None, &view, NOW).unwrap_err();
    assert_eq!(refused.code(), Code::KeyNotEnrolled);

    let first = ManifestKey {
        kid: kid("k1"),
        public_key: own(1).public().into(),
        usage: KeyUse::Signing,
        ..card_key(&key)
    };
    let stated = PeerManifest {
        issuer: A.parse().unwrap(),
        seq: 1,
        issued_at: NOW,
        expires_at: NOW.plus_ms(DAY_MS),
        prev: None,
        keys: vec![first, card_key(&key)],
        recovery_keys: vec![],
        endpoints: Endpoints::default(),
        capabilities: vec![],
        contact: None,
    };
    let alone = Signed::sign(stated.clone(), &[(kid("es"), &key)]).unwrap();
    let refused = manifest::put(alone.bytes(), &view, NOW).unwrap_err();
    assert_eq!(refused.code(), Code::KeyNotEnrolled);
    // What a signing key of the peer states may name it.
    let by_own = Signed::sign(stated, &[(kid("k1"), &own(1))]).unwrap();
    let proposal = manifest::put(by_own.bytes(), &view, NOW).unwrap();
    assert_eq!(commit(&mut view, proposal), None);
    assert!(brought(&view, A, &signed(&key)).is_ok());
}
