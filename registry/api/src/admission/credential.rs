//! The credential gate: a writer shows a verifiable credential (VC-JWT) of an issuer that the
//! operator trusts.
//!
//! It decides whether the credential holds now and speaks of this writer. It must never use a key or
//! follow a reference that the credential brings along.

use proto_types::jose::Algorithm;
use proto_types::{AnyKey, Origin, WallMs, base64url, json};
use serde_json::{Map, Value};

use crate::problem::{Code, Problem};

use super::Submission;

/// The longest credential: the header line limit of common servers.
const LEN_MAX: usize = 8_192;

/// How far the issuer's clock may be from ours; as for federation tokens.
const SKEW_MS: u64 = 60_000;

/// Members of a header that demand what we do not do, or bring a key along.
const HEADER_REFUSED: [&str; 8] = ["crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"];

/// Whose credentials are accepted.
#[derive(Clone, Debug)]
pub struct Gate {
    /// `iss` must be this, in whatever case.
    pub issuer: String,
    /// The issuer's key. It alone says which algorithm is meant, never the credential.
    pub key: AnyKey,
    /// One of the credential's types, if one is demanded.
    pub kind: Option<String>,
}

impl Gate {
    pub(super) fn check(&self, submission: &Submission<'_>, now: WallMs) -> Result<(), Problem> {
        let Some(text) = submission.credential else { return Err(refused("none is shown")) };
        let claims = self.verified(text).ok_or_else(|| refused("it does not verify"))?;
        let issuer = claims.get("iss").and_then(Value::as_str);
        if !issuer.is_some_and(|issuer| issuer.eq_ignore_ascii_case(&self.issuer)) {
            return Err(refused("it has another issuer"));
        }
        if !is_current(&claims, now) {
            return Err(refused("it is not valid now"));
        }
        if claims.get("vc").is_none_or(Value::is_null) {
            return Err(refused("it has no claim `vc`"));
        }
        if !self.is_of_kind(&claims) {
            return Err(refused("it is of another type"));
        }
        match speaks_of(&claims, submission) {
            true => Ok(()),
            false => Err(refused("it speaks of somebody else")),
        }
    }

    fn verified(&self, text: &str) -> Option<Value> {
        let segments: Vec<_> = text.splitn(4, '.').collect();
        let [header, claims, signature] = segments[..] else { return None };
        if text.len() > LEN_MAX || !self.takes(&object(header)?) {
            return None;
        }
        let signature = base64url::decode(signature).ok()?;
        let signed = &text[..header.len() + 1 + claims.len()];
        self.key.verify(signed.as_bytes(), &signature).ok()?;
        object(claims).map(Value::Object)
    }

    fn takes(&self, header: &Map<String, Value>) -> bool {
        let algorithm = header.get("alg").and_then(Value::as_str);
        algorithm.and_then(Algorithm::named) == Some(self.key.algorithm())
            && !HEADER_REFUSED.iter().any(|name| header.contains_key(*name))
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

fn object(segment: &str) -> Option<Map<String, Value>> {
    match json::parse(&base64url::decode(segment).ok()?).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// An end is not demanded, as at a Pilox registry: an issuer that states none takes it back by its
/// key.
fn is_current(claims: &Value, now: WallMs) -> bool {
    // A time may have a fraction (RFC 7519, section 2).
    let ms = |time: &Value| time.as_f64().map(|secs| WallMs((secs * 1_000.0) as u64));
    let at = |name: &str| claims.get(name).map(ms);
    let begun = at("nbf").is_none_or(|from| from.is_some_and(|from| from <= now.plus_ms(SKEW_MS)));
    begun && at("exp").is_none_or(|end| end.is_some_and(|end| now < end.plus_ms(SKEW_MS)))
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
/// calls. A record that names no controller is anybody's whom the issuer vouches for.
fn speaks_of(claims: &Value, submission: &Submission<'_>) -> bool {
    let controller = submission.document.get("controllerDid").and_then(Value::as_str);
    if submission.kind == "record" && controller.is_none() {
        return true;
    }
    let Some(subject) = subject(claims) else { return false };
    let is = |origin: Option<&Origin>| origin.is_some_and(|origin| origin.as_str() == subject);
    controller == Some(subject) || is(submission.owner) || is(submission.caller)
}

fn refused(why: &str) -> Problem {
    let why = format_args!("the verifiable credential is not accepted: {why}");
    Problem::new(Code::CredentialNotAccepted, why)
}

#[cfg(test)]
mod tests;
