//! What a viewer is shown of an entry whose name and description only it may know.
//!
//! It decides which members remain. It must never let through a member that is not named here, so
//! that what documents may hold tomorrow stays hidden too.

use proto_types::{Handle, json};
use serde_json::{Map, Value};

/// A card: `name` and `description`, in canonical JSON.
#[must_use]
pub fn card(document: &[u8]) -> Vec<u8> {
    let whole = json::parse_lossless(document).unwrap_or(Value::Null);
    let kept = ["name", "description"].into_iter().filter_map(|name| {
        let text = whole.get(name)?.as_str()?;
        Some((name.to_owned(), Value::from(text)))
    });
    json::canonical(&Value::Object(kept.collect::<Map<_, _>>()))
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
