//! The protected header of a JWS (RFC 7515), as tokens and signed documents carry it.
//!
//! Decides that a header says `alg`, `typ` and `kid` and nothing else. Must never follow what a
//! header points to, and never let a header choose a weaker algorithm (attack cases 1 to 4): the key
//! says which algorithm is meant.

use serde_json::Value;

use crate::id::Kid;
use crate::{base64url, json};

/// A signature algorithm that we verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA with P-256 and SHA-256 (RFC 7518, 3.4).
    Es256,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm.
    pub alg: Algorithm,
    /// The media type of the whole, as it was written.
    pub typ: Option<String>,
    /// The name of the key.
    pub kid: Option<Kid>,
}

/// Why a header is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not canonical base64url.
    #[error("the header is not canonical base64url")]
    Base64,
    /// Not a strict JSON object.
    #[error("the header is not a strict JSON object")]
    Json(#[source] json::Error),
    /// JSON, but not an object.
    #[error("the header is not an object")]
    NotAnObject,
    /// `crit`, or `b64`, which only works through `crit` (RFC 7797).
    #[error("the header demands extensions")]
    Critical,
    /// `jku`, `x5u`, `jwk`, `x5c`, `x5t` and the like: a key that the sender chose.
    #[error("the header carries or points to a key")]
    KeyReference,
    /// Any other member.
    #[error("the header has an unknown member")]
    UnknownMember,
    /// `alg` is missing, not a string, or neither `EdDSA` nor `Ed25519`.
    #[error("the algorithm is not Ed25519")]
    Algorithm,
    /// `alg` is missing, not a string, or none that we verify, where a key of either algorithm may sign.
    #[error("the algorithm is neither EdDSA (Ed25519) nor ES256")]
    UnknownAlgorithm,
    /// `typ` is not a string.
    #[error("the type is not a string")]
    Type,
    /// `kid` is not 1 to 128 visible ASCII characters.
    #[error("the key id is malformed")]
    Kid,
}

impl Algorithm {
    /// The algorithm of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            // RFC 9864, since 2025; the table has the name of RFC 8037, which older verifiers know.
            "Ed25519" => Some(Self::EdDsa),
            name => name.parse().ok(),
        }
    }
}

crate::words!(Algorithm { EdDsa = "EdDSA", Es256 = "ES256" });

impl Header {
    /// Reads a base64url header whose algorithm must be Ed25519.
    ///
    /// # Errors
    /// See [`enum@Error`]; checked in that order.
    pub fn parse(encoded: &str) -> Result<Self, Error> {
        let is_ours = |alg: &Algorithm| *alg == Algorithm::EdDsa;
        Self::read(encoded, |name| Algorithm::named(name).filter(is_ours), Error::Algorithm)
    }

    /// Reads a base64url header of either algorithm.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn parse_any(encoded: &str) -> Result<Self, Error> {
        Self::read(encoded, Algorithm::named, Error::UnknownAlgorithm)
    }

    /// The `typ` of a base64url header that names HS256: no [`Algorithm`], so that no key ever verifies what has this header.
    ///
    /// # Errors
    /// As [`Header::parse`]: [`Error::Algorithm`] for any other.
    pub fn typ_of_hs256(encoded: &str) -> Result<Option<String>, Error> {
        let is_hs256 = |name: &str| (name == "HS256").then_some(());
        Ok(Self::members(encoded, is_hs256, Error::Algorithm)?.1)
    }

    fn read(
        encoded: &str,
        named: impl Fn(&str) -> Option<Algorithm>,
        refusal: Error,
    ) -> Result<Self, Error> {
        let (alg, typ, kid) = Self::members(encoded, named, refusal)?;
        Ok(Self { alg, typ, kid })
    }

    fn members<A>(
        encoded: &str,
        named: impl Fn(&str) -> Option<A>,
        refusal: Error,
    ) -> Result<(A, Option<String>, Option<Kid>), Error> {
        let bytes = base64url::decode(encoded).map_err(|_| Error::Base64)?;
        let Value::Object(members) = json::parse(&bytes).map_err(Error::Json)? else {
            return Err(Error::NotAnObject);
        };
        members.keys().try_for_each(|name| check_name(name))?;
        let alg = members.get("alg").and_then(Value::as_str).and_then(named).ok_or(refusal)?;
        let typ = match members.get("typ") {
            None => None,
            Some(Value::String(typ)) => Some(typ.clone()),
            Some(_) => return Err(Error::Type),
        };
        let kid = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(Kid::parse(kid).map_err(|_| Error::Kid)?),
            Some(_) => return Err(Error::Kid),
        };
        Ok((alg, typ, kid))
    }

    /// The base64url text of this header.
    #[must_use]
    pub fn encode(&self) -> String {
        // By hand, so that the order is alg, typ, kid: what every JWT library prints.
        let mut text = format!(r#"{{"alg":"{}""#, self.alg);
        for (name, value) in
            [("typ", self.typ.as_deref()), ("kid", self.kid.as_ref().map(Kid::as_str))]
        {
            if let Some(value) = value {
                text.push_str(&format!(",\"{name}\":{}", Value::from(value)));
            }
        }
        text.push('}');
        base64url::encode(text.as_bytes())
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    match name {
        "alg" | "typ" | "kid" => Ok(()),
        "crit" | "b64" => Err(Error::Critical),
        "jku" | "jwk" | "x5u" | "x5c" | "x5t" | "x5t#S256" => Err(Error::KeyReference),
        _ => Err(Error::UnknownMember),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, Error> {
        Header::parse(&base64url::encode(text.as_bytes()))
    }

    #[test]
    fn only_ed25519_by_its_two_registered_names_is_accepted() {
        for alg in ["EdDSA", "Ed25519"] {
            assert!(parse(&format!(r#"{{"alg":"{alg}"}}"#)).is_ok());
        }
        // The JOSE algorithms registry, and the variants of `none` that broke libraries.
        for alg in [
            "none",
            "None",
            "NONE",
            "NoNe",
            "nOnE",
            "",
            "HS256",
            "HS384",
            "HS512",
            "RS256",
            "RS384",
            "RS512",
            "PS256",
            "PS384",
            "PS512",
            "ES256",
            "ES384",
            "ES512",
            "ES256K",
            "Ed448",
            "eddsa",
            "EDDSA",
            "ed25519",
            "EdDSA ",
            "dir",
            "A128KW",
            "ML-DSA-44",
            "RSA-OAEP",
        ] {
            assert_eq!(parse(&format!(r#"{{"alg":"{alg}"}}"#)), Err(Error::Algorithm), "{alg}");
        }
        for text in [r#"{}"#, r#"{"alg":["EdDSA"]}"#, r#"{"alg":null}"#, r#"{"alg":1}"#] {
            assert_eq!(parse(text), Err(Error::Algorithm), "{text}");
        }
        for text in [r#"{"alg":"none","alg":"EdDSA"}"#, r#"{"alg":"EdDSA","\u0061lg":"none"}"#] {
            let refused = parse(text);
            assert!(matches!(&refused, Err(Error::Json(json::Error::DuplicateMember { .. }))));
        }
    }

    #[test]
    fn where_a_key_of_either_algorithm_may_sign_only_these_two_are_accepted() {
        let parse = |text: &str| Header::parse_any(&base64url::encode(text.as_bytes()));
        for (name, alg) in [
            ("EdDSA", Algorithm::EdDsa),
            ("Ed25519", Algorithm::EdDsa),
            ("ES256", Algorithm::Es256),
        ] {
            let read = parse(&format!(r#"{{"alg":"{name}"}}"#)).map(|header| header.alg);
            assert_eq!(read, Ok(alg));
        }
        for name in ["none", "HS256", "ES384", "ES256K", "es256", "ES256 ", ""] {
            let read = parse(&format!(r#"{{"alg":"{name}"}}"#));
            assert_eq!(read, Err(Error::UnknownAlgorithm), "{name}");
        }
        assert_eq!(parse("{}"), Err(Error::UnknownAlgorithm));
    }

    #[test]
    fn extensions_and_keys_in_the_header_are_refused() {
        for (members, expected) in [
            (r#""crit":["exp"]"#, Error::Critical),
            (r#""crit":[]"#, Error::Critical),
            (r#""b64":false"#, Error::Critical),
            (r#""b64":true"#, Error::Critical),
            (r#""jku":"https://evil.example/k""#, Error::KeyReference),
            (r#""jwk":{}"#, Error::KeyReference),
            (r#""x5u":"https://evil.example/k""#, Error::KeyReference),
            (r#""x5c":[]"#, Error::KeyReference),
            (r#""x5t#S256":"x""#, Error::KeyReference),
            (r#""zip":"DEF""#, Error::UnknownMember),
            (r#""Kid":"k1""#, Error::UnknownMember),
            (r#""typ":1"#, Error::Type),
            (r#""kid":["k1"]"#, Error::Kid),
            (r#""kid":"""#, Error::Kid),
            (r#""kid":"a\u0000b""#, Error::Kid),
        ] {
            assert_eq!(
                parse(&format!(r#"{{"alg":"EdDSA",{members}}}"#)),
                Err(expected),
                "{members}"
            );
        }
        assert_eq!(parse("[]"), Err(Error::NotAnObject));
        assert_eq!(Header::parse("e30="), Err(Error::Base64));
    }

    #[test]
    fn a_header_reads_as_it_was_printed() {
        let kid = Kid::parse("a\"b\\c").ok();
        let header = Header { alg: Algorithm::EdDsa, typ: Some("JWT".to_owned()), kid };
        assert_eq!(Header::parse(&header.encode()), Ok(header.clone()));
        let header = Header { alg: Algorithm::Es256, ..header };
        assert_eq!(Header::parse_any(&header.encode()), Ok(header.clone()));
        assert_eq!(Header::parse(&header.encode()), Err(Error::Algorithm));
    }
}
