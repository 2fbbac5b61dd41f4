//! Federation tokens: as text, and as a header and claims that the peer's own key has signed.
//!
//! What lets a caller in has to hold of it whatever else the token says: our audience, an issuer that we know, one use.

use gateway_core::admit::Config;
use gateway_core::{Credential, Permit, admit};
use proto_types::token::{Kind, LEN_MAX, Refusal, Unverified, mint};
use proto_types::{SecretKey, base64url};
use serde_json::Value;

use crate::fixtures::{NOW, OURSELVES, PEERS, secret};

pub(crate) fn run(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        read(text);
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
        signed(&bytes[..at], &bytes[at + 1..]);
    }
}

fn read(text: &str) {
    let Ok(token) = Unverified::parse(text) else { return };
    assert!(text.len() <= LEN_MAX && text.split('.').count() == 3);
    let stranger = SecretKey::from_seed(&[99; 32]).public();
    assert_eq!(token.clone().verify(&stranger), Err(Refusal::BadSignature));
    minted_again(&token);
    times(&token);
}

/// What is read is minted as what reads the same.
fn minted_again(token: &Unverified) {
    let minted = mint(token.unverified_claims(), token.kid(), &secret());
    let again = Unverified::parse(&minted).expect("a token of claims that were read");
    assert_eq!(again.kid(), token.kid());
    assert_eq!(again.verify(&secret().public()).as_ref(), Ok(token.unverified_claims()));
}

/// A token that is good at a time is dead when nobody has to remember it any more.
fn times(token: &Unverified) {
    let claims = token.unverified_claims();
    for at_s in [claims.iat, claims.exp, claims.exp.saturating_sub(1), claims.nbf.unwrap_or(0)] {
        let now = proto_types::WallMs::from_secs(at_s);
        if claims.check(&claims.aud, now).is_ok() {
            assert!(now < claims.dead_at());
        }
    }
    assert!(claims.check(&claims.aud, claims.dead_at()).is_err());
}

/// The same bytes under the signature of a key that is enrolled.
fn signed(header: &[u8], claims: &[u8]) {
    let signed = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = base64url::encode(&secret().sign(signed.as_bytes()));
    let text = format!("{signed}.{signature}");
    read(&text);
    if let Ok(token) = Unverified::parse(&text) {
        assert!(token.verify(&secret().public()).is_ok(), "it has signed it");
    }
    let carried = [("x-pilox-federation-jwt", text.as_bytes())];
    let Ok(credential) = Credential::find(carried.into_iter()) else { return };
    let config = Config { audience: OURSELVES.clone(), nonces: None };
    if let Ok(permit) = admit(&PEERS, &config, credential, NOW) {
        admitted(&permit, header, claims);
    }
}

/// As any other reader of JSON sees it.
fn admitted(permit: &Permit, header: &[u8], claims: &[u8]) {
    let header: Value = serde_json::from_slice(header).expect("the header was read");
    let said: Value = serde_json::from_slice(claims).expect("the claims were read");
    assert!(header["alg"] == "EdDSA" || header["alg"] == "Ed25519", "{header}");
    assert!(header["typ"] == "JWT" && header.get("crit").is_none(), "{header}");
    assert_eq!(said["aud"].as_str(), Some(OURSELVES.as_str()));
    assert_eq!(said["iss"].as_str(), Some(permit.peer.origin.as_str()));
    assert_eq!(said["sub"].as_str(), Some("federation-peer"));
    assert_eq!(said["jti"].as_str(), Some(permit.claims.jti.as_str()));
    assert!(permit.claims.kind == Kind::Plain && permit.remember_until > NOW);
    let life_s = permit.claims.exp - permit.claims.iat;
    assert!((1..=Kind::Plain.life_s_max()).contains(&life_s), "{life_s}");
}
