//! Which parts of a card a signature does not cover.
//!
//! Decides by comparing what was written with what was signed. Must never look at a table of its own: the canonical forms
//! alone say what is signed.

use serde_json::Value;

use super::CardVersion;
use super::canonical::{self, CanonicalForm};

/// JSON pointers to members that are in the card and not in its signed form, its signatures aside. Members that are set
/// to `false` are left out of some forms too: those say what their absence says, and are not told.
pub(super) fn uncovered(card: &Value, version: CardVersion, form: CanonicalForm) -> Vec<String> {
    let signed = canonical::signed(card, version, form);
    let mut found = Vec::new();
    for (name, value) in card.as_object().into_iter().flatten() {
        if name != "signatures" {
            compare(value, signed.get(name), canonical::pointer("", name), &mut found);
        }
    }
    found
}

fn compare(written: &Value, signed: Option<&Value>, path: String, found: &mut Vec<String>) {
    match (written, signed) {
        (Value::Bool(_), None) => {}
        (_, None) => found.push(path),
        (Value::Object(written), Some(signed)) => {
            for (name, value) in written {
                compare(value, signed.get(name), canonical::pointer(&path, name), found);
            }
        }
        // Empty items are left out of a list too, so that its items cannot be told apart.
        (Value::Array(written), Some(Value::Array(signed))) if written.len() != signed.len() => {
            found.push(path);
        }
        (Value::Array(written), Some(signed)) => {
            for (at, item) in written.iter().enumerate() {
                compare(item, signed.get(at), format!("{path}/{at}"), found);
            }
        }
        _ => {}
    }
}
