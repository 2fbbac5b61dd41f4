//! The protected header of a JWS (RFC 7515), as tokens and signed documents carry it.
//!
//! Decides that a header says `alg`, `typ` and `kid` and nothing else. Must never follow what a
//! header points to, and never let a header choose a weaker algorithm (attack cases 1 to 4).

use serde_json::Value;

use crate::id::Kid;
use crate::{base64url, json};

/// What the header says. The algorithm is Ed25519 in either spelling, else it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The media type of the whole, as it was spelled.
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
    /// `typ` is not a string.
    #[error("the type is not a string")]
    Type,
    /// `kid` is not 1 to 128 visible ASCII characters.
    #[error("the key id is malformed")]
    Kid,
}

impl Header {
    /// Reads a base64url header.
    ///
    /// # Errors
    /// See [`enum@Error`]; checked in that order.
    pub fn parse(encoded: &str) -> Result<Self, Error> {
        let bytes = base64url::decode(encoded).map_err(|_| Error::Base64)?;
        let Value::Object(members) = json::parse(&bytes).map_err(Error::Json)? else {
            return Err(Error::NotAnObject);
        };
        members.keys().try_for_each(|name| check_name(name))?;
        match members.get("alg").and_then(Value::as_str) {
            // RFC 8037 and, since 2025, RFC 9864.
            Some("EdDSA" | "Ed25519") => {}
            _ => return Err(Error::Algorithm),
        }
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
        Ok(Self { typ, kid })
    }

    /// The base64url text of this header, with `alg` spelled `EdDSA`: the spelling that verifiers
    /// older than RFC 9864 know.
    #[must_use]
    pub fn encode(&self) -> String {
        // By hand, so that the order is alg, typ, kid: what every JWT library prints.
        let mut text = String::from(r#"{"alg":"EdDSA""#);
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
        // The JOSE algorithms registry, and the spellings of `none` that broke libraries.
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
        let header = Header { typ: Some("JWT".to_owned()), kid };
        assert_eq!(Header::parse(&header.encode()), Ok(header));
    }
}
