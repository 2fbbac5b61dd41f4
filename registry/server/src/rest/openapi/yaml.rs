//! A JSON value as block-style YAML 1.2, for people and for diffs.
//!
//! It decides the order of members: that of the OpenAPI specification first, then by name. It must
//! never print a text that another YAML reader takes for a number, a truth or nothing: what is not
//! plainly a word is quoted as JSON, which YAML 1.2 contains.

use serde_json::{Map, Value};

/// Members that come first, in this order.
const ORDER: [&str; 34] = [
    "openapi",
    "info",
    "title",
    "version",
    "servers",
    "tags",
    "paths",
    "components",
    "get",
    "put",
    "post",
    "delete",
    "operationId",
    "name",
    "in",
    "required",
    "summary",
    "description",
    "security",
    "parameters",
    "requestBody",
    "responses",
    "headers",
    "content",
    "schema",
    "$ref",
    "type",
    "format",
    "const",
    "enum",
    "properties",
    "items",
    "additionalProperties",
    "schemas",
];

/// The document, ending with a line feed.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) => object(members, depth, out),
        Value::Array(items) => {
            for item in items {
                indent(depth, out);
                out.push('-');
                nested(item, depth, out);
            }
        }
        scalar => line(scalar, out),
    }
}

fn object(members: &Map<String, Value>, depth: usize, out: &mut String) {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    let mut names: Vec<&String> = members.keys().collect();
    names.sort_unstable_by_key(|name| (rank(name), *name));
    for name in names {
        indent(depth, out);
        out.push_str(&scalar(name));
        out.push(':');
        nested(&members[name], depth, out);
    }
}

/// What follows a key or a dash.
fn nested(value: &Value, depth: usize, out: &mut String) {
    let is_block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        out.push('\n');
        block(value, depth + 1, out);
    } else {
        out.push(' ');
        line(value, out);
    }
}

fn line(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(&scalar(text)),
        other => out.push_str(&other.to_string()),
    }
    out.push('\n');
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { Value::from(text).to_string() }
}

/// A word that every YAML reader takes for text.
fn is_plain(text: &str) -> bool {
    const TAKEN: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "n"];
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let goes_on = |c: char| c.is_ascii_alphanumeric() || "/_.-{}() ".contains(c);
    let lower = text.to_ascii_lowercase();
    starts
        && text.chars().all(goes_on)
        && !text.ends_with(' ')
        && !TAKEN.contains(&lower.as_str())
        && lower != "y"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_plainly_a_word_is_quoted() {
        let value = json!({
            "zeta": ["no", "200", "a: b", "ok word", ""],
            "openapi": "3.1.0",
            "200": { "empty": {}, "none": [], "yes": true, "deep": [{ "a": 1, "b": null }] },
        });
        let expected = r#"openapi: "3.1.0"
"200":
  deep:
    -
      a: 1
      b: null
  empty: {}
  none: []
  "yes": true
zeta:
  - "no"
  - "200"
  - "a: b"
  - ok word
  - ""
"#;
        assert_eq!(text(&value), expected);
    }
}
