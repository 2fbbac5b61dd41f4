//! Card signatures that the Python SDK has made and checked.

use proto_types::card::canonical::{self, CanonicalForm};
use proto_types::card::{Card, CardVersion, jws};
use proto_types::{AnyKey, Kid, PublicKey, SecretKey, base64url, json};
use serde_json::Value;

fn vectors() -> Value {
    json::parse(include_bytes!("../vectors/a2a-card-jws.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn canonical(card: &Value, form: CanonicalForm) -> String {
    String::from_utf8(canonical::bytes(card, CardVersion::V10, form)).unwrap()
}

/// The key of the vectors under its name.
fn key(kid: &Kid) -> Option<AnyKey> {
    let jwk = &vectors()["public_jwk"];
    let bytes = base64url::decode_array(text(&jwk["x"])).unwrap();
    (kid.as_str() == text(&jwk["kid"])).then(|| PublicKey::from_bytes(&bytes).unwrap().into())
}

#[test]
fn every_vector_of_the_sdk_verifies_in_the_sdk_form() {
    let vectors = vectors();
    let cases = vectors["vectors"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let name = text(&case["name"]);
        // What goes in and what comes out on the wire differ, and are signed alike.
        for card in [&case["wire"], &case["input"]] {
            let expected = text(&case["canonical"]);
            assert_eq!(canonical(card, CanonicalForm::PythonSdk), expected, "{name}");
            let mut card = card.clone();
            card["signatures"] = case["wire"]["signatures"].clone();
            let card = Card::parse(card.to_string().as_bytes()).unwrap();
            let verified = jws::verify(&card, &key).unwrap();
            assert_eq!(verified.form, CanonicalForm::PythonSdk, "{name}");
            assert_eq!(verified.kid.as_str(), "k1");
        }
    }
}

#[test]
fn every_vector_is_refused_once_it_is_tampered_with() {
    for case in vectors()["vectors"].as_array().unwrap() {
        let mut card = case["wire"].clone();
        card["supportedInterfaces"][0]["url"] = "https://evil.example/rpc".into();
        let card = Card::parse(card.to_string().as_bytes()).unwrap();
        let kid = Kid::parse("k1").unwrap();
        assert_eq!(jws::verify(&card, &key), Err(jws::Error::BadSignature { kid }));
    }
}

#[test]
fn the_seed_of_the_vectors_gives_their_signature() {
    let vectors = vectors();
    let seed = hex::decode(text(&vectors["seed_hex"])).unwrap().try_into().unwrap();
    let secret = SecretKey::from_seed(&seed);
    for case in vectors["vectors"].as_array().unwrap() {
        let payload = base64url::encode(text(&case["canonical"]).as_bytes());
        let input = format!("{}.{payload}", text(&case["protected"]));
        let signature = base64url::encode(&secret.sign(input.as_bytes()));
        assert_eq!(signature, text(&case["signature"]));
    }
}

#[test]
fn the_example_of_the_specification_has_both_its_forms() {
    let fragment = &vectors()["spec_8_4_1_fragment"];
    let specified = canonical(&fragment["input"], CanonicalForm::Rfc8785);
    assert_eq!(specified, text(&fragment["spec_expects"]));
    let sdk = canonical(&fragment["input"], CanonicalForm::PythonSdk);
    assert_eq!(sdk, text(&fragment["a2a_sdk_1_3_0_produces"]));
}
