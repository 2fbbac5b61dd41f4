//! The contract as YAML 1.2.
//!
//! Decides how a JSON value is handed to the printer. Must never print a number as anything but a number: elsewhere in this
//! program they are kept by their digits, in a form that is serde_json's own.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A sorted document as text, so that the text is always the same.
pub(super) fn text(document: &Value) -> String {
    // A description is one line: how a folded one is wrapped is the printer's, and may change with it.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&Node(document), options);
    text.expect("a document of texts, numbers, lists and maps can be printed")
}

struct Node<'v>(&'v Value);

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => to.serialize_unit(),
            Value::Bool(is) => to.serialize_bool(*is),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => to.serialize_i64(whole),
                None => to.serialize_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => to.serialize_str(text),
            Value::Array(items) => to.collect_seq(items.iter().map(Node)),
            Value::Object(members) => {
                to.collect_map(members.iter().map(|(name, value)| (name, Node(value))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_looks_like_a_number_or_a_truth_is_quoted_and_a_number_is_not() {
        let text = text(&json!({
            "200": { "no": "yes", "version": "1.0" }, "count": 7, "const": true, "list": ["a: b", null],
        }));
        for line in ["\"200\":", "count: 7", "const: true"] {
            assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
        }
        assert!(!text.contains("version: 1.0") && !text.contains(": yes"), "{text}");
        assert!(!text.contains("- a: b") && !text.contains("Number"), "{text}");
    }
}
