//! The keys of an identity provider (RFC 7517), and whether one of them has signed a token (RFC 7515).
//!
//! Decides which key verifies: the one of the token's `kid`, by the one algorithm that the key is for. Must never let a token
//! choose the algorithm, nor a key be used that the provider has not published: what a token brings along is not looked at.

use gateway_core::client::Refused;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto, decode_header};
use proto_types::json;
use serde_json::Value;

use super::verifier;

/// More keys than a provider has; the rest is left out.
const KEYS_MAX: usize = 64;

/// Keys by which tokens are verified.
#[derive(Clone, Debug, Default)]
pub(super) struct Jwks(Vec<SigningKey>);

#[derive(Clone, Debug)]
struct SigningKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Why a document has no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwksError {
    /// Not JSON, or without a list of keys.
    #[error("not a JSON object with a list `keys`")]
    Form,
    /// No key that can verify anything here.
    #[error("no key for RS256, ES256 or EdDSA")]
    NoKey,
}

impl Jwks {
    /// Reads a set; keys of other kinds are passed over.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JwksError> {
        let document = json::parse_lossless(bytes).map_err(|_| JwksError::Form)?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or(JwksError::Form)?;
        let keys: Vec<_> = keys.iter().filter_map(usable).take(KEYS_MAX).collect();
        match keys.is_empty() {
            true => Err(JwksError::NoKey),
            false => Ok(Self(keys)),
        }
    }

    /// Whether one of the keys has signed the token.
    ///
    /// # Errors
    /// [`Refused::SigningKey`] where another set may have the key; [`Refused::Form`], [`Refused::Signature`].
    pub(super) fn verify(&self, token: &str) -> Result<(), Refused> {
        let header = decode_header(token).map_err(|_| Refused::Form)?;
        // What must be understood is not (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(Refused::Form);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Form)?;
        let key = self.find(header.kid.as_deref(), header.alg).ok_or(Refused::SigningKey)?;
        verifier::install();
        match crypto::verify(signature, signed.as_bytes(), &key.key, key.algorithm) {
            Ok(true) => Ok(()),
            _ => Err(Refused::Signature),
        }
    }

    /// The key of this name for this algorithm; without a name, the only one for it.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&SigningKey> {
        let mut fitting = self.0.iter().filter(|key| {
            key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid)
        });
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then_some(first)
    }
}

/// The key of a member of a set, if it verifies signatures of a kind that is read here.
fn usable(member: &Value) -> Option<SigningKey> {
    let jwk: Jwk = serde_json::from_value(member.clone()).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let is_for_signatures =
        jwk.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let stated = jwk.common.key_algorithm.map(Algorithm::try_from);
    let is_stated = stated.is_none_or(|stated| stated.is_ok_and(|stated| stated == algorithm));
    if !is_for_signatures || !is_stated {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(SigningKey { kid: jwk.common.key_id, algorithm, key })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{SecretKey, base64url};
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    fn okp(kid: &str, seed: u8) -> Value {
        let public = SecretKey::from_seed(&[seed; 32]).public();
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64url::encode(public.as_bytes())})
    }

    fn token(header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(&json!({"sub": "ada"})));
        let signature = base64url::encode(&sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn by_seed(header: &Value, seed: u8) -> String {
        token(header, |signed| SecretKey::from_seed(&[seed; 32]).sign(signed).to_vec())
    }

    fn set(keys: &[Value]) -> Jwks {
        Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_named_key_verifies_and_without_a_name_the_only_one() {
        let two = set(&[okp("k1", 1), okp("k2", 2)]);
        assert_eq!(two.verify(&by_seed(&json!({"alg": "EdDSA", "kid": "k2"}), 2)), Ok(()));
        let other = by_seed(&json!({"alg": "EdDSA", "kid": "k1"}), 2);
        assert_eq!(two.verify(&other), Err(Refused::Signature));
        let unknown = by_seed(&json!({"alg": "EdDSA", "kid": "k3"}), 2);
        assert_eq!(two.verify(&unknown), Err(Refused::SigningKey));
        let unnamed = by_seed(&json!({"alg": "EdDSA"}), 2);
        assert_eq!(two.verify(&unnamed), Err(Refused::SigningKey), "it could be either");
        assert_eq!(set(&[okp("k2", 2)]).verify(&unnamed), Ok(()));
    }

    #[test]
    fn es256_is_verified() {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
                         "x": base64url::encode(x), "y": base64url::encode(y)});
        let signed = token(&json!({"alg": "ES256"}), |signed| {
            pair.sign(&random, signed).unwrap().as_ref().to_vec()
        });
        assert_eq!(set(&[key]).verify(&signed), Ok(()));
    }

    #[test]
    fn the_algorithm_is_the_keys_and_never_the_tokens() {
        let keys = set(&[okp("k1", 1)]);
        for (alg, refused) in [
            ("none", Refused::Form),
            ("HS256", Refused::SigningKey),
            ("RS256", Refused::SigningKey),
            ("ES256", Refused::SigningKey),
        ] {
            let header = json!({"alg": alg, "kid": "k1"});
            assert_eq!(keys.verify(&by_seed(&header, 1)), Err(refused), "{alg}");
        }
        let brought = json!({"alg": "EdDSA", "kid": "k1", "jwk": okp("k1", 2)});
        assert_eq!(keys.verify(&by_seed(&brought, 2)), Err(Refused::Signature));
        let critical = json!({"alg": "EdDSA", "kid": "k1", "crit": ["exp"]});
        assert_eq!(keys.verify(&by_seed(&critical, 1)), Err(Refused::Form));
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over_and_none_at_all_is_refused() {
        let with = |name: &str, value: &str| {
            let mut key = okp("k1", 1);
            key[name] = json!(value);
            key
        };
        let others = [
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}),
            json!({"kty": "new"}),
            json!("key"),
            with("use", "enc"),
            with("alg", "ES256"),
            with("crv", "X25519"),
        ];
        let parse = |keys: &[Value]| Jwks::parse(json!({ "keys": keys }).to_string().as_bytes());
        assert_eq!(parse(&others).unwrap_err(), JwksError::NoKey);
        let mut some = others.to_vec();
        some.push(okp("k1", 1));
        assert_eq!(parse(&some).unwrap().0.len(), 1);
        for text in ["", "[]", "{}", r#"{"keys": {}}"#] {
            assert_eq!(Jwks::parse(text.as_bytes()).unwrap_err(), JwksError::Form, "{text}");
        }
    }
}
