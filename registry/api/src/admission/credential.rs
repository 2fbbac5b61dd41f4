//! The credential gate: a writer shows a verifiable credential (VC-JWT) of an issuer that the
//! operator trusts.
//!
//! It decides whether the credential holds now and speaks of this writer. It must never use a key or
//! follow a reference that the credential brings along.

use proto_types::jose::Header;
use proto_types::{Origin, PublicKey, WallMs, base64url, json};
use serde_json::Value;

use crate::problem::{Code, Problem};

use super::Submission;

/// The longest credential: the header line limit of common servers.
const LEN_MAX: usize = 8_192;

/// How far the issuer's clock may be from ours; as for federation tokens.
const SKEW_MS: u64 = 60_000;

/// Whose credentials are accepted.
#[derive(Clone, Debug)]
pub struct Gate {
    /// `iss` must be this.
    pub issuer: String,
    /// The issuer's key.
    pub key: PublicKey,
    /// One of the credential's types, if one is demanded.
    pub kind: Option<String>,
}

impl Gate {
    pub(super) fn check(&self, wish: &Submission<'_>, now: WallMs) -> Result<(), Problem> {
        let Some(text) = wish.credential else { return Err(refused("none is shown")) };
        let claims = self.verified(text).ok_or_else(|| refused("it does not verify"))?;
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(refused("it has another issuer"));
        }
        if !is_current(&claims, now) {
            return Err(refused("it is not valid now"));
        }
        if !self.is_of_kind(&claims) {
            return Err(refused("it is of another type"));
        }
        let subject = subject(&claims);
        match subject.is_some_and(|subject| speaks_of(subject, wish)) {
            true => Ok(()),
            false => Err(refused("it speaks of somebody else")),
        }
    }

    fn verified(&self, text: &str) -> Option<Value> {
        let segments: Vec<_> = text.splitn(4, '.').collect();
        let [header, claims, signature] = segments[..] else { return None };
        if text.len() > LEN_MAX || Header::parse(header).is_err() {
            return None;
        }
        let signature = base64url::decode(signature).ok()?;
        let signed = &text[..header.len() + 1 + claims.len()];
        self.key.verify(signed.as_bytes(), &signature).ok()?;
        json::parse(&base64url::decode(claims).ok()?).ok()
    }

    fn is_of_kind(&self, claims: &Value) -> bool {
        let Some(kind) = &self.kind else { return true };
        let stated = claims.pointer("/vc/type").or_else(|| claims.get("type"));
        match stated {
            Some(Value::String(text)) => text == kind,
            Some(Value::Array(list)) => list.iter().any(|it| it.as_str() == Some(kind)),
            _ => false,
        }
    }
}

/// `exp` is demanded: a credential without an end could never be taken back.
fn is_current(claims: &Value, now: WallMs) -> bool {
    let at = |name: &str| claims.get(name).map(|time| time.as_u64().map(WallMs::from_secs));
    let begun = match at("nbf") {
        None => true,
        Some(from) => from.is_some_and(|from| from <= now.plus_ms(SKEW_MS)),
    };
    begun && at("exp").flatten().is_some_and(|until| now < until.plus_ms(SKEW_MS))
}

/// `sub`, and the subject of the credential inside, which must not be somebody else.
fn subject(claims: &Value) -> Option<&str> {
    let named = claims.get("sub").and_then(Value::as_str);
    let inner = claims.pointer("/vc/credentialSubject/id").and_then(Value::as_str);
    match (named, inner) {
        (Some(named), Some(inner)) if named != inner => None,
        (named, inner) => named.or(inner),
    }
}

/// The subject is the record's controller, the peer that has signed the document, or the one that
/// calls.
fn speaks_of(subject: &str, wish: &Submission<'_>) -> bool {
    let controller = wish.document.get("controllerDid").and_then(Value::as_str);
    let is = |origin: Option<&Origin>| origin.is_some_and(|origin| origin.as_str() == subject);
    controller == Some(subject) || is(wish.owner) || is(wish.caller)
}

fn refused(why: &str) -> Problem {
    let why = format_args!("the verifiable credential is not accepted: {why}");
    Problem::new(Code::CredentialNotAccepted, why)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::SecretKey;
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn jwt(claims: &Value, header: &Value, key: &SecretKey) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        format!("{signed}.{}", base64url::encode(&key.sign(signed.as_bytes())))
    }

    fn check(credential: Option<&str>) -> bool {
        let key = SecretKey::from_seed(&[7; 32]).public();
        let gate = Gate { issuer: "did:web:i.example".into(), key, kind: Some("Publisher".into()) };
        let handle = "urn:a:0001".parse().unwrap();
        let wish = Submission {
            kind: "record",
            handle: &handle,
            document: &json!({ "controllerDid": "did:web:me.example" }),
            card_urls: &[],
            assurance: "unsigned",
            owner: None,
            caller: None,
            credential,
        };
        gate.check(&wish, WallMs::from_secs(NOW_S)).is_ok()
    }

    #[test]
    fn only_a_current_credential_of_the_issuer_about_the_writer_is_accepted() {
        let key = SecretKey::from_seed(&[7; 32]);
        let header = json!({ "alg": "EdDSA", "typ": "JWT" });
        let good = json!({
            "iss": "did:web:i.example", "sub": "did:web:me.example", "exp": NOW_S + 60,
            "vc": { "type": ["VerifiableCredential", "Publisher"],
                    "credentialSubject": { "id": "did:web:me.example" } },
        });
        let with = |member: &str, value: Value| {
            let mut claims = good.clone();
            claims[member] = value;
            jwt(&claims, &header, &key)
        };
        assert!(check(Some(&jwt(&good, &header, &key))));
        assert!(!check(None));
        assert!(!check(Some(&jwt(&good, &header, &SecretKey::from_seed(&[8; 32])))));
        assert!(!check(Some(&with("iss", "did:web:other.example".into()))));
        assert!(!check(Some(&with("sub", "did:web:you.example".into()))));
        assert!(!check(Some(&with("exp", (NOW_S - 61).into()))));
        assert!(!check(Some(&with("exp", Value::Null))));
        assert!(!check(Some(&with("nbf", (NOW_S + 61).into()))));
        assert!(!check(Some(&with("vc", json!({ "type": "Reader" })))));
        let none = jwt(&good, &json!({ "alg": "none" }), &key);
        assert!(!check(Some(&none)));
        let jwk = jwt(&good, &json!({ "alg": "EdDSA", "jwk": {} }), &key);
        assert!(!check(Some(&jwk)));
    }
}
