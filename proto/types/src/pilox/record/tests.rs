//! Records at and beyond each limit of the schema.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_record_under_other_names_is_kept_in_one_form_whatever_order_its_members_had() {
    let common = r#""handle":"urn:pilox:agent:0001","updatedAt":"2026-03-20T12:00:00Z","agentCardUrl":"https://a.example/c""#;
    let schema = r#""schema":"pilox-registry-record-v1""#;
    let one = format!(r#"{{{schema},"semver":"1",{common}}}"#);
    let two = format!(r#"{{{common},"semver":"1",{schema}}}"#);
    let kept = |text: &str| parse(text.as_bytes()).unwrap().document(text.as_bytes()).into_owned();
    assert_eq!(kept(&one), kept(&two));
}
use crate::key::SecretKey;
use crate::origin::Origin;
use crate::pilox::proof::{self, ProofError, ProofState};

fn record() -> Value {
    json!({
        "schema": "pilox-registry-record-v1",
        "handle": "urn:pilox:agent:1",
        "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/.well-known/agent-card.json",
    })
}

fn paths(value: &Value) -> Vec<String> {
    match parse(value.to_string().as_bytes()) {
        Ok(_) => vec![],
        Err(invalid) => invalid.faults().into_iter().map(|fault| fault.path).collect(),
    }
}

fn with(name: &str, member: Value) -> Value {
    let mut record = record();
    record[name] = member;
    record
}

#[test]
fn every_member_may_be_at_its_limit() {
    for (name, member) in [
        ("handle", json!("h".repeat(512))),
        ("validUntil", json!("2027-01-01T00:00:00+01:00")),
        ("ttlSecondsRecommended", json!(8_640_000)),
        ("controllerDid", json!("did:web:a.example")),
        ("capabilities", json!(vec!["0a._-"; 64])),
        ("inputModalities", json!(vec!["m".repeat(64); 32])),
        ("version", json!("é".repeat(128))),
        ("pricing", json!({"currency": "EUR", "inputTokensPerMillion": 0.5, "notes": ""})),
        (
            "buyerInputs",
            json!([{"id": "a", "label": "A", "kind": "env", "key": "_A1",
            "required": true, "options": [{"value": ""}]}]),
        ),
        (
            "publishAttestation",
            json!({"confirmedAt": "2026-03-20T12:00:00Z",
            "confirmedBuyerConfiguration": true}),
        ),
        ("publicKeys", json!({})),
        ("proof", json!({"anything": {"goes": 1}})),
    ] {
        assert_eq!(paths(&with(name, member)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_member_beyond_its_limit_is_named() {
    for (name, member, at) in [
        ("schema", json!("other-registry-record-v1"), ""),
        ("handle", json!("h".repeat(513)), ""),
        ("handle", json!("seven77"), ""),
        ("handle", json!("urn:quote\"d"), ""),
        ("updatedAt", json!("yesterday"), ""),
        ("agentCardUrl", json!("/relative"), ""),
        ("validUntil", Value::Null, ""),
        ("ttlSecondsRecommended", json!(59), ""),
        ("ttlSecondsRecommended", json!(8_640_001), ""),
        ("ttlSecondsRecommended", json!(60.5), ""),
        ("controllerDid", json!("did:WEB:a.example"), ""),
        ("capabilities", json!(vec!["a"; 65]), ""),
        ("capabilities", json!(["ok", "Not"]), "/1"),
        ("outputModalities", json!([""]), "/0"),
        ("version", json!(""), ""),
        ("pricing", json!({"inputTokensPerMillion": -1}), "/inputTokensPerMillion"),
        ("pricing", json!({"extra": 1}), "/extra"),
        ("buyerInputs", json!([{"id": "a", "label": "A", "kind": "env", "key": "A-B"}]), "/0/key"),
        ("buyerInputs", json!([{"id": "a", "label": "A", "kind": "env", "extra": 1}]), "/0/extra"),
        (
            "publishAttestation",
            json!({"confirmedAt": "2026-03-20T12:00:00Z",
            "confirmedBuyerConfiguration": false}),
            "/confirmedBuyerConfiguration",
        ),
        ("publicKeys", json!({"rsa": []}), "/rsa"),
        (
            "publicKeys",
            json!({"ed25519": [{"kid": "k", "publicKeyHex": "zz"}]}),
            "/ed25519/0/publicKeyHex",
        ),
        ("proof", json!({"sigHex": ""}), "/sigHex"),
        ("unheardOf", json!(1), ""),
    ] {
        assert_eq!(paths(&with(name, member.clone())), [format!("/{name}{at}")], "{member}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let found = paths(&json!({"handle": 1, "capabilities": ["-", "ok", "_"], "x/y": 0}));
    assert_eq!(
        found,
        [
            "/x~1y",
            "/schema",
            "/handle",
            "/updatedAt",
            "/agentCardUrl",
            "/capabilities/0",
            "/capabilities/2"
        ]
    );
}

#[test]
fn a_record_expires_by_valid_until_and_never_by_its_ttl() {
    let record = with("ttlSecondsRecommended", json!(60));
    let parsed = parse(record.to_string().as_bytes()).unwrap();
    assert_eq!((parsed.expires_at(), parsed.ttl_s), (None, Some(60)));
    let record = with("validUntil", json!("1970-01-01T00:00:01Z"));
    let parsed = parse(record.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.expires_at(), Some(WallMs(1_000)));
}

#[test]
fn an_oversized_record_is_refused_before_it_is_read() {
    let refused = parse(&vec![b'['; LEN_MAX + 1]);
    assert_eq!(refused, Err(Invalid::TooLong { len: LEN_MAX + 1, max: LEN_MAX }));
}

fn signed(record: &Value) -> ParsedRecord {
    let signer = Origin::parse("https://a.example").unwrap();
    let key = SecretKey::from_seed(&[7; 32]);
    proof::sign(record, &signer, &Kid::parse("k9").unwrap(), &key).unwrap()
}

#[test]
fn a_record_that_we_sign_verifies_and_signing_again_changes_nothing() {
    let once = signed(&record());
    let ProofState::SelfAsserted { kid, key } = proof::verify(&once).unwrap() else { panic!() };
    assert_eq!(kid.as_str(), "k9");
    assert_eq!(key, SecretKey::from_seed(&[7; 32]).public());
    assert_eq!(signed(once.raw()), once);
}

#[test]
fn each_reason_of_the_pilox_verifier_is_given() {
    let good = signed(&record());
    let check = |path: &str, value: Value, expected: Result<ProofState, ProofError>| {
        let mut raw = good.raw().clone();
        *raw.pointer_mut(path).unwrap() = value;
        let parsed = parse(raw.to_string().as_bytes()).unwrap();
        assert_eq!(proof::verify(&parsed), expected, "{path}");
    };
    check("/proof", json!({}), Ok(ProofState::Absent));
    check("/proof/type", json!("rsa"), Err(ProofError::UnsupportedProofType));
    check("/proof/signingKid", json!(" "), Err(ProofError::MissingSigningKid));
    check("/publicKeys", json!({}), Err(ProofError::MissingEd25519PublicKeys));
    let nobody = Err(ProofError::SigningKidNotInPublicKeys);
    check("/publicKeys/ed25519", json!([]), nobody);
    // The identity: a point of small order, for which anybody can forge.
    let weak = format!("01{}", "0".repeat(62));
    check("/publicKeys/ed25519/0/publicKeyHex", json!(weak), Err(ProofError::BadKey));
    check("/handle", json!("urn:pilox:agent:2"), Err(ProofError::BadSignature));
    let reformatted = json!("2026-03-20T12:00:00.000Z");
    check("/updatedAt", reformatted, Err(ProofError::BadSignature));
    check("/proof/sigHex", json!("0".repeat(128)), Err(ProofError::BadSignature));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn what_is_read_is_what_was_written(handle in "[!#-\\[\\]-~]{8,40}", ttl in 60_u32..=8_640_000) {
        // No path can name one with a dot segment.
        prop_assume!(!handle.split('/').any(|part| matches!(part, "." | "..")));
        let mut raw = with("ttlSecondsRecommended", json!(ttl));
        raw["handle"] = json!(handle);
        let parsed = parse(raw.to_string().as_bytes()).unwrap();
        prop_assert_eq!(parsed.handle.as_str(), handle);
        prop_assert_eq!(parsed.ttl_s, Some(ttl));
        prop_assert_eq!(parsed.raw(), &raw);
    }
}
