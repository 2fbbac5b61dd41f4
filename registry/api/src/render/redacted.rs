//! The part of an entry that a viewer sees who may know only its name and description. Only members that
//! `proto_types::visibility` names are shown.

use proto_types::visibility::redacted_card;
use proto_types::{Handle, json};
use serde_json::Value;

/// A card: `name` and `description`, in canonical JSON.
#[must_use]
pub fn card(document: &[u8]) -> Vec<u8> {
    let whole = json::parse_lossless(document).unwrap_or(Value::Null);
    let left = whole.as_object().map(redacted_card).unwrap_or_default();
    json::canonical(&Value::Object(left))
}

/// The card of an attached agent for who is not told where it is called: all but its interfaces. A signed one stays as it is:
/// gateways serve it so, for without them its signature is broken.
#[must_use]
pub fn attached_card(document: &[u8]) -> Vec<u8> {
    let whole = json::parse_lossless(document).unwrap_or(Value::Null);
    let signed = whole["signatures"].as_array().is_some_and(|all| !all.is_empty());
    let Value::Object(mut card) = whole else { return b"{}".to_vec() };
    if signed {
        return document.to_vec();
    }
    for member in ["url", "preferredTransport", "additionalInterfaces", "supportedInterfaces"] {
        card.remove(member);
    }
    // Its numbers may be such as no canonical form has.
    Value::Object(card).to_string().into_bytes()
}

/// A record: its handle, which is all the name it has; a record describes nothing.
#[must_use]
pub fn record(handle: &Handle) -> Vec<u8> {
    json::canonical(&serde_json::json!({ "handle": handle.as_str() }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_name_and_description_remains() {
        let whole =
            br#"{"url":"https://a.example","name":"N","skills":[{"name":"x"}],"description":"D"}"#;
        assert_eq!(card(whole), br#"{"description":"D","name":"N"}"#);
        assert_eq!(card(br#"{"name":["N"],"description":1}"#), b"{}");
        assert_eq!(card(b"not JSON"), b"{}");
        let left = br#"{"description":"D","name":"N","skills":[{"name":"x"}]}"#;
        assert_eq!(attached_card(whole), left);
        let new = br#"{"name":"N","supportedInterfaces":[{"url":"https://a.example"}],"x":123456789012345678901234567890}"#;
        assert_eq!(attached_card(new), br#"{"name":"N","x":123456789012345678901234567890}"#);
        let signed = br#"{ "url":"https://a.example", "signatures":[{}] }"#;
        assert_eq!(attached_card(signed), signed);
        assert_eq!(attached_card(b"not JSON"), b"{}");
        assert_eq!(record(&"urn:a".parse().unwrap()), br#"{"handle":"urn:a"}"#);
    }
}
