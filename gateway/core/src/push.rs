//! What proves to the receiver of a push notification who has sent it.
//!
//! Decides what is signed, and under which name the key is published. Must never sign what could be taken for a token of
//! federation, nor anything but what is sent.

use proto_types::jose::{Algorithm, Header};
use proto_types::{Digest, EnvelopeId, Kid, Origin, PublicKey, SecretKey, TaskId, base64url};
use serde_json::{Value, json};

/// The type of a token that goes with a notification: it is none of any other kind (RFC 8725, section 3.11).
const TYPE: &str = "a2a-push+jwt";

/// What a notification is signed with: who sends it, to whom, of which task, and when.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// This instance.
    pub issuer: &'a Origin,
    /// The receiver.
    pub audience: &'a Origin,
    /// The task.
    pub task: &'a TaskId,
    /// The notification: each attempt has the same.
    pub id: &'a EnvelopeId,
    /// When, in seconds since 1970.
    pub at_s: u64,
}

impl Signed<'_> {
    /// The compact JWS beside a body, whose digest is in it: `request_body_sha256` in hexadecimal digits, as the samples of A2A
    /// have it.
    #[must_use]
    pub fn token(&self, key: &SecretKey, body: &[u8]) -> String {
        let kid = Some(kid(&key.public()));
        let header = Header { alg: Algorithm::EdDsa, typ: Some(TYPE.to_owned()), kid }.encode();
        let claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "iat": self.at_s,
            "jti": self.id,
            "task_id": self.task,
            "request_body_sha256": Digest::of(body).hex(),
        });
        let signed = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
        let signature = base64url::encode(&key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// The keys by which what this instance signs is verified (RFC 7517): its own, if it has one.
#[must_use]
pub fn jwks(key: Option<&PublicKey>) -> Value {
    let jwk = |key: &PublicKey| {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64url::encode(key.as_bytes()),
            "kid": kid(key),
            "alg": "EdDSA",
            "use": "sig",
        })
    };
    json!({ "keys": key.map(jwk).into_iter().collect::<Vec<_>>() })
}

/// The thumbprint of a key (RFC 7638; RFC 8037, appendix A.3).
fn kid(key: &PublicKey) -> Kid {
    let x = base64url::encode(key.as_bytes());
    let digest = Digest::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes());
    Kid::parse(&base64url::encode(digest.as_bytes())).expect("43 characters of base64url")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_by_the_key_that_is_published_and_says_what_it_is_for() {
        let key = SecretKey::from_seed(&[4; 32]);
        let (issuer, audience) =
            (Origin::parse("https://b.example"), Origin::parse("https://a.example"));
        let (issuer, audience) = (issuer.unwrap(), audience.unwrap());
        let (task, id) = (TaskId::parse("t1").unwrap(), EnvelopeId::parse("push-1").unwrap());
        let signed = Signed {
            issuer: &issuer,
            audience: &audience,
            task: &task,
            id: &id,
            at_s: 1_800_000_000,
        };
        let token = signed.token(&key, b"{}");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = input.split_once('.').unwrap();
        let public = &jwks(Some(&key.public()))["keys"][0];
        let x: [u8; 32] = base64url::decode_array(public["x"].as_str().unwrap()).unwrap();
        let published = PublicKey::from_bytes(&x).unwrap();
        let signature = base64url::decode(signature).unwrap();
        assert!(published.verify(input.as_bytes(), &signature).is_ok());
        let header = Header::parse(header).unwrap();
        assert_eq!(header.typ.as_deref(), Some("a2a-push+jwt"));
        assert_eq!(header.kid.unwrap().as_str(), public["kid"]);
        let claims: Value = serde_json::from_slice(&base64url::decode(claims).unwrap()).unwrap();
        let digest = Digest::of(b"{}").hex();
        assert_eq!(
            claims,
            json!({
                "iss": "https://b.example", "aud": "https://a.example", "iat": 1_800_000_000_u64,
                "jti": "push-1", "task_id": "t1", "request_body_sha256": digest,
            })
        );
        assert_eq!(jwks(None), json!({"keys": []}));
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_id_of_a_key_is_its_thumbprint() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = PublicKey::from_bytes(&base64url::decode_array(x).unwrap()).unwrap();
        assert_eq!(kid(&key).as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
