//! Keys that no setting has.
//!
//! It decides which of them was probably meant. It finds all of them at once: whoever mistook one word has often
//! mistaken more.

use config::{Value, ValueKind};

use super::{Field, Shape, below};

/// Each key of `value` that `shape` does not have, in words.
#[must_use]
pub fn unknown(shape: &Shape, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(shape, value, "", &mut found);
    found.sort();
    found
}

fn walk(shape: &Shape, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(fields) = shape.fields() else { return };
    match &value.kind {
        ValueKind::Array(values) => values.iter().for_each(|value| walk(shape, value, at, found)),
        ValueKind::Table(table) => {
            for (key, value) in table {
                match fields.iter().find(|field| field.name == key) {
                    Some(field) => walk(&field.shape, value, &below(at, key), found),
                    None => found.push(problem(&below(at, key), meant(fields, key))),
                }
            }
        }
        _ => {}
    }
}

fn problem(key: &str, meant: Option<&str>) -> String {
    match meant {
        Some(name) => format!("the setting `{key}` is unknown; `{name}` is one"),
        None => format!("the setting `{key}` is unknown"),
    }
}

/// The name that needs the fewest changes to become the key, if a third of its letters suffice.
fn meant<'a>(fields: &'a [Field], key: &str) -> Option<&'a str> {
    let near = fields.iter().map(|field| (distance(field.name, key), field.name)).min()?;
    (near.0 <= key.chars().count().div_ceil(3)).then_some(near.1)
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, same) in other.iter().map(|c| *c == letter).enumerate() {
            let change = diagonal + usize::from(!same);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
