//! Credentials that are accepted and that are not.

#![expect(clippy::unwrap_used, reason = "tests")]

use proto_types::SecretKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

use super::*;

const NOW_S: u64 = 1_800_000_000;

fn unsigned(claims: &Value, header: &Value) -> String {
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

fn jwt(claims: &Value, header: &Value, key: &SecretKey) -> String {
    let signed = unsigned(claims, header);
    format!("{signed}.{}", base64url::encode(&key.sign(signed.as_bytes())))
}

fn good() -> Value {
    json!({
        "iss": "did:web:i.example", "sub": "did:web:me.example", "exp": NOW_S + 60,
        "vc": { "type": ["VerifiableCredential", "Publisher"],
                "credentialSubject": { "id": "did:web:me.example" } },
    })
}

fn check_of(document: &Value, key: AnyKey, credential: Option<&str>) -> bool {
    let gate = Gate { issuer: "did:web:i.example".into(), key, kind: Some("Publisher".into()) };
    let handle = "urn:a:0001".parse().unwrap();
    let submission = Submission {
        kind: "record",
        handle: &handle,
        document,
        card_urls: &[],
        assurance: "unsigned",
        owner: None,
        caller: None,
        credential,
    };
    gate.check(&submission, WallMs::from_secs(NOW_S)).is_ok()
}

fn check(credential: Option<&str>) -> bool {
    let key = AnyKey::Ed25519(SecretKey::from_seed(&[7; 32]).public());
    check_of(&json!({ "controllerDid": "did:web:me.example" }), key, credential)
}

#[test]
fn only_a_current_credential_of_the_issuer_about_the_writer_is_accepted() {
    let key = SecretKey::from_seed(&[7; 32]);
    let header = json!({ "alg": "EdDSA", "typ": "JWT" });
    let with = |member: &str, value: Value| {
        let mut claims = good();
        claims[member] = value;
        jwt(&claims, &header, &key)
    };
    assert!(check(Some(&jwt(&good(), &header, &key))));
    assert!(!check(None));
    assert!(!check(Some(&jwt(&good(), &header, &SecretKey::from_seed(&[8; 32])))));
    assert!(!check(Some(&with("iss", "did:web:other.example".into()))));
    assert!(!check(Some(&with("sub", "did:web:you.example".into()))));
    assert!(!check(Some(&with("exp", (NOW_S - 61).into()))));
    assert!(!check(Some(&with("exp", Value::Null))));
    assert!(!check(Some(&with("nbf", (NOW_S + 61).into()))));
    assert!(!check(Some(&with("vc", json!({ "type": "Reader" })))));
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "EdDSA", "jwk": {} }),
        json!({ "alg": "EdDSA", "crit": ["x"] }),
    ] {
        assert!(!check(Some(&jwt(&good(), &header, &key))), "{header}");
    }
}

/// What a Pilox registry accepts and refuses.
#[test]
fn a_credential_is_read_as_a_pilox_registry_reads_it() {
    let key = SecretKey::from_seed(&[7; 32]);
    let issuer = AnyKey::Ed25519(key.public());
    let header = json!({ "alg": "EdDSA", "kid": "did:web:i.example#key-1", "cty": "vc" });
    let mut claims = good();
    claims["iss"] = "DID:web:I.example".into();
    claims.as_object_mut().unwrap().remove("exp");
    let loose = jwt(&claims, &header, &key);
    assert!(check(Some(&loose)), "the issuer in another case, and no end");
    claims["sub"] = "did:web:somebody.example".into();
    let other = jwt(&claims, &header, &key);
    assert!(check_of(&json!({}), issuer, Some(&other)), "no controller is named");
    assert!(!check(Some(&other)), "another controller is named");
    for vc in [None, Some(Value::Null)] {
        let mut claims = json!({ "iss": "did:web:i.example", "type": "Publisher" });
        if let Some(vc) = vc {
            claims["vc"] = vc;
        }
        assert!(!check_of(&json!({}), issuer, Some(&jwt(&claims, &header, &key))));
    }
}

#[test]
fn es256_is_for_an_issuer_whose_key_is_of_p256_and_for_no_other() {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref().iter().map(|byte| format!("{byte:02x}"));
    let key = AnyKey::from_hex(&point.collect::<String>()).unwrap();
    let sign = |algorithm: &str| {
        let signed = unsigned(&good(), &json!({ "alg": algorithm }));
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url::encode(signature.as_ref()))
    };
    let document = json!({ "controllerDid": "did:web:me.example" });
    let holds = |text: &str| check_of(&document, key, Some(text));
    assert!(holds(&sign("ES256")));
    assert!(!holds(&sign("EdDSA")), "the key says which algorithm is meant");
    assert!(!holds(&jwt(&good(), &json!({ "alg": "ES256" }), &SecretKey::from_seed(&[7; 32]))));
    assert!(!check(Some(&sign("ES256"))));
    for bad in ["", "04", &"04".repeat(65)[..128], &"05".repeat(65), &"zz".repeat(65)] {
        assert!(AnyKey::from_hex(bad).is_err(), "{bad}");
    }
}
