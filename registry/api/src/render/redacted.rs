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
        assert_eq!(record(&"urn:a".parse().unwrap()), br#"{"handle":"urn:a"}"#);
    }
}
