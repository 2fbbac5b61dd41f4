//! Documents that Pilox programs have made, and documents that they must be able to read.

use proptest::prelude::*;
use proto_types::json;
use proto_types::pilox::catalog::{self, CatalogProof};
use proto_types::pilox::descriptor::Descriptor;
use proto_types::pilox::envelope::{self, Envelope};
use proto_types::pilox::proof::{self, ProofState};
use proto_types::pilox::roster::{self, RosterPeer};
use proto_types::pilox::{Brand, record};
use proto_types::{Handle, Kid, Origin, PublicKey, SecretKey, WallMs};
use serde_json::{Value, json};

use crate::pilox_formats;

fn secret(vectors: &Value, name: &str) -> SecretKey {
    let seed = vectors["keys"][name]["seedHex"].as_str().unwrap();
    SecretKey::from_seed(&hex::decode(seed).unwrap().try_into().unwrap())
}

fn public(vectors: &Value, name: &str) -> PublicKey {
    PublicKey::from_hex(vectors["keys"][name]["publicKeyHex"].as_str().unwrap()).unwrap()
}

fn at() -> WallMs {
    WallMs::parse_rfc3339("2026-03-20T12:00:00.000Z").unwrap()
}

#[test]
fn every_record_of_the_vectors_is_judged_as_pilox_judges_it() {
    let vectors = pilox_formats();
    let records = vectors["records"].as_object().unwrap();
    assert_eq!(records.len(), 5);
    for (name, vector) in records {
        let parsed = record::parse(vector["record"].to_string().as_bytes()).unwrap();
        let found = proof::verify(&parsed);
        match vector["piloxVerifierSays"]["reason"].as_str() {
            Some(reason) => assert_eq!(found.unwrap_err().code(), reason, "{name}"),
            None => {
                let key = public(&vectors, "a");
                let kid = Kid::parse("k1").unwrap();
                assert_eq!(found, Ok(ProofState::SelfAsserted { kid, key }), "{name}");
            }
        }
    }
}

#[test]
fn our_signature_of_each_valid_record_is_theirs() {
    let vectors = pilox_formats();
    for name in ["valid_hive", "valid_pilox"] {
        let theirs = &vectors["records"][name]["record"];
        let mut bare = theirs.clone();
        bare.as_object_mut().unwrap().remove("proof");
        bare.as_object_mut().unwrap().remove("publicKeys");
        let signer = Origin::parse("https://a.example").unwrap();
        let kid = Kid::parse("k1").unwrap();
        let ours = proof::sign(&bare, &signer, &kid, &secret(&vectors, "a")).unwrap();
        assert_eq!(ours.raw(), theirs, "{name}");
    }
}

#[test]
fn a_catalog_is_signed_as_pilox_signs_it_and_a_changed_one_is_refused() {
    let vectors = pilox_formats();
    let response = &vectors["catalog"]["response"];
    let theirs: CatalogProof = serde_json::from_value(response["catalogProof"].clone()).unwrap();
    let mut handles: Vec<Handle> = serde_json::from_value(response["handles"].clone()).unwrap();
    let key = public(&vectors, "catalog");
    assert_eq!(theirs.verify(&handles, &key), Ok(at()));
    let kid = Kid::parse("registry-catalog").unwrap();
    let secret = secret(&vectors, "catalog");
    assert_eq!(CatalogProof::sign(Brand::Hive, &handles, at(), &kid, &secret), theirs);

    let other = public(&vectors, "a");
    assert_eq!(theirs.verify(&handles, &other), Err(catalog::Error::BadSignature));
    handles.pop();
    assert_eq!(theirs.verify(&handles, &key), Err(catalog::Error::BadSignature));
    let ours = CatalogProof::sign(Brand::Pilox, &handles, at(), &kid, &secret);
    assert_eq!(ours.verify(&handles, &key), Ok(at()));
    let unknown = CatalogProof { kind: "x-registry-catalog-ed25519-v1".to_owned(), ..ours };
    assert_eq!(unknown.verify(&handles, &key), Err(catalog::Error::UnsupportedProofType));
}

#[test]
fn a_roster_is_signed_as_pilox_signs_it() {
    let vectors = pilox_formats();
    let theirs = &vectors["rosterManifest"]["document"];
    let key = public(&vectors, "manifest");
    let read = roster::verify(theirs.to_string().as_bytes(), &key).unwrap();
    assert_eq!(read.issued_at, at());
    let expected = ["a", "b"].map(|name| RosterPeer {
        origin: Origin::parse(&format!("https://{name}.example")).unwrap(),
        key: public(&vectors, name),
    });
    assert_eq!(read.peers, expected);
    let reversed: Vec<_> = expected.into_iter().rev().collect();
    assert_eq!(&roster::sign(&reversed, at(), &secret(&vectors, "manifest")), theirs);
}

#[test]
fn a_roster_that_was_touched_is_refused() {
    let vectors = pilox_formats();
    let document = &vectors["rosterManifest"]["document"];
    let key = public(&vectors, "manifest");
    let refuse = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        roster::verify(changed.to_string().as_bytes(), &key).unwrap_err()
    };
    let bad = roster::Error::BadSignature;
    assert_eq!(refuse(&|d| d["payload"]["issuedAt"] = json!("2026-03-20T12:00:00Z")), bad);
    assert_eq!(refuse(&|d| d["payload"]["peers"][0]["origin"] = json!("https://e.example")), bad);
    // Their verifier would strip this member; ours verifies what it sees.
    assert_eq!(refuse(&|d| d["payload"]["extra"] = json!(1)), bad);
    assert!(matches!(refuse(&|d| d["extra"] = json!(1)), roster::Error::Invalid(_)));
    assert!(matches!(refuse(&|d| d["sigHex"] = json!("00")), roster::Error::Invalid(_)));
}

#[test]
fn a_roster_with_a_weak_key_is_refused_although_it_is_signed() {
    let vectors = pilox_formats();
    let weak = format!("01{}", "0".repeat(62));
    let payload = json!({"v": 1, "issuedAt": "2026-03-20T12:00:00Z",
        "peers": [{"origin": "https://a.example", "ed25519PublicKeyHex": weak}]});
    let signature = secret(&vectors, "manifest").sign(&json::canonical(&payload));
    let document = json!({"payload": payload, "sigHex": hex::encode(signature)});
    let key = public(&vectors, "manifest");
    let roster::Error::Invalid(invalid) =
        roster::verify(document.to_string().as_bytes(), &key).unwrap_err()
    else {
        panic!("the signature holds")
    };
    assert_eq!(invalid.faults()[0].path, "/payload/peers/0/ed25519PublicKeyHex");
}

#[test]
fn an_envelope_names_every_failing_path() {
    let paths = |value: Value| -> Vec<String> {
        let invalid = Envelope::parse(value.to_string().as_bytes()).unwrap_err();
        invalid.faults().into_iter().map(|fault| fault.path).collect()
    };
    let all = ["/x", "/v", "/schema", "/correlationId", "/sourceOrigin", "/targetHandle"];
    let bad = json!({"v": 2, "schema": "v2", "correlationId": "short", "sourceOrigin": "a.example",
        "targetHandle": "", "x": 1});
    assert_eq!(paths(bad), all);
    assert_eq!(paths(json!({})), ["/v", "/correlationId", "/sourceOrigin"]);
    let list = json!({"v": 1, "correlationId": "12345678", "sourceOrigin": "https://a.example",
        "payload": []});
    assert_eq!(paths(list), ["/payload"]);
    assert_eq!(paths(json!([])), [""]);
}

#[test]
fn an_envelope_over_one_mebibyte_is_refused_and_one_of_it_is_not() {
    let envelope = |len: usize| {
        let fixed = json!({"v": 1, "correlationId": "12345678", "sourceOrigin":
            "https://a.example", "payload": {"p": ""}});
        let text = fixed.to_string();
        text.replace("\"p\":\"\"", &format!("\"p\":\"{}\"", "x".repeat(len - text.len())))
    };
    assert!(Envelope::parse(envelope(envelope::LEN_MAX).as_bytes()).is_ok());
    let len = envelope::LEN_MAX + 1;
    let refused = Envelope::parse(envelope(len).as_bytes());
    assert_eq!(refused, Err(envelope::Invalid::TooLong { len, max: envelope::LEN_MAX }));
}

#[test]
fn a_descriptor_prints_the_nulls_that_the_schema_asks_for() {
    let minimal = json!({
        "schema": "pilox-mesh-descriptor-v1",
        "meshV2": "2.10.0",
        "instanceOrigin": "https://node.example",
        "a2aEnabled": true,
        "a2a": {
            "agentCardUrl": "https://node.example/.well-known/agent-card.json",
            "jsonRpcUrl": "https://node.example/api/a2a/jsonrpc",
        },
        "federation": {
            "enabled": false,
            "phase": "2.0-config",
            "transportActive": false,
            "jwtAlg": null,
            "localEd25519PublicKeyHex": null,
            "directoryUrl": null,
            "federationStatusUrl": "https://node.example/api/mesh/federation/status",
            "wanMesh": null,
        },
        "publicMesh": { "bootstrapMeshDescriptorUrls": [] },
    });
    let read = Descriptor::parse(minimal.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), minimal);
    let hive = read.branded(Brand::Hive);
    assert_eq!(hive.schema, "hive-mesh-descriptor-v1");

    let mut many = minimal;
    many["publicMesh"]["bootstrapMeshDescriptorUrls"] = json!(vec!["https://a.example"; 513]);
    many["schema"] = json!("x");
    let faults = Descriptor::parse(many.to_string().as_bytes()).unwrap_err().faults();
    let paths: Vec<_> = faults.into_iter().map(|fault| fault.path).collect();
    assert_eq!(paths, ["/schema", "/publicMesh/bootstrapMeshDescriptorUrls"]);
}

proptest! {
    #[test]
    fn an_envelope_reads_as_it_was_printed(
        id in "[!-~]{8,60}", origin in "https?://[a-z]{1,9}(\\.[a-z]{2,5})?", payload in ".{0,20}"
    ) {
        let raw = json!({"v": 1, "correlationId": id, "sourceOrigin": origin,
            "payload": {"text": payload}});
        let read = Envelope::parse(raw.to_string().as_bytes()).unwrap();
        let printed = serde_json::to_vec(&read).unwrap();
        prop_assert_eq!(Envelope::parse(&printed).unwrap(), read);
    }
}
