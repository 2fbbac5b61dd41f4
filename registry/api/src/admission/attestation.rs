//! The publisher's attestation: that somebody has looked at what deployers must provide.
//!
//! It decides by the rules of the Pilox registry: `publishAttestation` is there, and its HMAC is
//! over the canonical JSON of {handle, updatedAt, buyerInputs}. It must never pass where a secret is
//! set and no HMAC is stated, and never compare but in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::json;
use serde_json::{Map, Value};
use sha2::Sha256;

/// One thing that is missing in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The code, as the Pilox registry has it.
    pub code: &'static str,
    /// A JSON pointer.
    pub path: String,
}

/// What is demanded of an attestation.
#[derive(Clone, Default)]
pub struct Attestation {
    /// Every record must have one.
    pub required: bool,
    /// The key of its HMAC, which then must be there and right.
    pub secret: Option<Vec<u8>>,
}

impl std::fmt::Debug for Attestation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sealed = self.secret.is_some();
        f.debug_struct("Attestation")
            .field("required", &self.required)
            .field("sealed", &sealed)
            .finish()
    }
}

impl Attestation {
    /// Whether anything is demanded.
    #[must_use]
    pub fn is_demanded(&self) -> bool {
        self.required || self.secret.is_some()
    }

    pub(super) fn issues(&self, record: &Value) -> Vec<Issue> {
        let stated = record.get("publishAttestation");
        if self.required && stated.is_none() {
            return vec![Issue::new("publish_attestation_required", "/publishAttestation")];
        }
        match &self.secret {
            Some(secret) if !is_authenticated(record, secret) => {
                let path = "/publishAttestation/hmacSha256Hex";
                vec![Issue::new("publish_attestation_hmac_invalid", path)]
            }
            _ => Vec::new(),
        }
    }
}

impl Issue {
    pub(super) fn new(code: &'static str, path: impl Into<String>) -> Self {
        Self { code, path: path.into() }
    }

    pub(super) fn to_json(&self) -> Value {
        serde_json::json!({ "code": self.code, "path": self.path, "severity": "error" })
    }
}

fn is_authenticated(record: &Value, secret: &[u8]) -> bool {
    let stated = record.pointer("/publishAttestation/hmacSha256Hex").and_then(Value::as_str);
    let Some(tag) = stated.and_then(hex) else { return false };
    let covered = ["handle", "updatedAt"].into_iter();
    let covered = covered.filter_map(|name| Some((name.to_owned(), record.get(name)?.clone())));
    let mut covered: Map<_, _> = covered.collect();
    // None is an empty list, as the Pilox registry signs it.
    let inputs = record.get("buyerInputs").filter(|inputs| inputs.is_array()).cloned();
    covered.insert("buyerInputs".to_owned(), inputs.unwrap_or_else(|| Value::Array(Vec::new())));
    let message = json::canonical(&Value::Object(covered));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&message);
    mac.verify_slice(&tag).is_ok()
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"test-secret-at-least-32-bytes-long!!";

    fn codes(required: bool, secret: Option<&[u8]>, record: &Value) -> Vec<&'static str> {
        let rule = Attestation { required, secret: secret.map(Into::into) };
        rule.issues(record).into_iter().map(|issue| issue.code).collect()
    }

    /// The tag was made with `openssl dgst -sha256 -hmac` over the text in the first line.
    #[test]
    fn the_seal_covers_handle_time_and_inputs() {
        // {"buyerInputs":[],"handle":"urn:test:hmac:01","updatedAt":"2026-03-20T12:00:00Z"}
        let tag = "53b34d6539009fb111f2efe0477ee1e513d1d89ab3e514a02b24d9497ce3170f";
        let mut record = json!({
            "handle": "urn:test:hmac:01",
            "updatedAt": "2026-03-20T12:00:00Z",
            "buyerInputs": [],
            "publishAttestation": { "hmacSha256Hex": tag },
        });
        assert!(codes(true, Some(SECRET), &record).is_empty());
        assert_eq!(codes(false, Some(b"other"), &record), ["publish_attestation_hmac_invalid"]);
        record.as_object_mut().map(|members| members.remove("buyerInputs"));
        assert!(codes(true, Some(SECRET), &record).is_empty(), "absent inputs are signed as []");
        record["buyerInputs"] = json!([{ "label": "x" }]);
        assert_eq!(codes(false, Some(SECRET), &record), ["publish_attestation_hmac_invalid"]);
    }

    #[test]
    fn what_is_demanded_must_be_there() {
        let bare = json!({ "handle": "h" });
        assert!(codes(false, None, &bare).is_empty());
        assert_eq!(codes(true, None, &bare), ["publish_attestation_required"]);
        assert_eq!(codes(false, Some(SECRET), &bare), ["publish_attestation_hmac_invalid"]);
    }
}
