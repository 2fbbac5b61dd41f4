//! Federation tokens as Pilox mints them.

use proto_types::token::{self, Claims, Refusal, Unverified};
use proto_types::{Origin, PublicKey, SecretKey, WallMs};
use serde_json::Value;

use crate::pilox_formats;

/// What `b.example` answers to each token, having enrolled `a.example` with key `a` only.
fn judge(vectors: &Value, name: &str) -> Result<Claims, Option<Refusal>> {
    let token = vectors["federationJwt"][name].as_str().unwrap();
    let parsed = Unverified::parse(token)?;
    if parsed.iss().as_str() != "https://a.example" {
        return Err(None);
    }
    let key = PublicKey::from_hex(vectors["keys"]["a"]["publicKeyHex"].as_str().unwrap()).unwrap();
    let claims = parsed.verify(&key)?;
    let now = WallMs::from_secs(vectors["federationJwt"]["now"].as_u64().unwrap());
    claims.check(&Origin::parse("https://b.example").unwrap(), now)?;
    Ok(claims)
}

#[test]
fn every_token_of_the_vectors_is_judged_as_it_should_be() {
    let vectors = pilox_formats();
    for (name, expected) in [
        ("valid", Ok(())),
        ("rfc9864_alg", Ok(())),
        ("wrong_aud", Err(Some("token_aud"))),
        ("wrong_key", Err(Some("token_signature"))),
        ("no_jti", Err(Some("token_claim_missing"))),
        ("long_life", Err(Some("token_lifetime"))),
        ("unknown_iss", Err(None)),
        ("alg_none", Err(Some("token_segments"))),
    ] {
        let found = judge(&vectors, name).map(drop);
        let found = found.map_err(|refusal| refusal.map(|refusal| refusal.code()));
        assert_eq!(found, expected, "{name}");
    }
    let names = vectors["federationJwt"].as_object().unwrap().values().filter(|v| v.is_string());
    assert_eq!(names.count(), 8, "a vector was added: judge it too");
}

#[test]
fn an_unsigned_token_with_a_made_up_signature_is_refused_for_its_algorithm() {
    let vectors = pilox_formats();
    let unsigned = vectors["federationJwt"]["alg_none"].as_str().unwrap();
    let padded = format!("{unsigned}{}", "A".repeat(86));
    assert_eq!(Unverified::parse(&padded).unwrap_err().code(), "token_alg");
}

#[test]
fn minting_the_claims_of_a_pilox_token_gives_that_token() {
    let vectors = pilox_formats();
    let claims = judge(&vectors, "valid").unwrap();
    let seed = hex::decode(vectors["keys"]["a"]["seedHex"].as_str().unwrap()).unwrap();
    let key = SecretKey::from_seed(&seed.try_into().unwrap());
    assert_eq!(
        token::mint(&claims, None, &key),
        vectors["federationJwt"]["valid"].as_str().unwrap()
    );
}
