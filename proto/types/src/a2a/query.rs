//! The query of a request without a body, which HTTP+JSON makes of `GetTask` and the lists (11.5).
//!
//! Decides how texts stand for other values. Must never decide what a request must say: its reader does, and finds
//! numbers and names of enums in texts already.

use serde_json::{Map, Value};

/// The parameters that are booleans, in both casings.
const BOOLEANS: [&str; 2] = ["includeArtifacts", "include_artifacts"];

/// The members that a query stands for, from its names and values, which are decoded already. The caller adds what
/// stands in the path.
///
/// An empty value is absent. A name that is repeated is a list, which the readers refuse where they know the name.
#[must_use]
pub fn members<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Map<String, Value>
where
    N: Into<String>,
    V: Into<String>,
{
    let mut members = Map::new();
    for (name, value) in pairs {
        let (name, value): (String, String) = (name.into(), value.into());
        if value.is_empty() {
            continue;
        }
        let value = read_value(&name, value);
        let repeated = match members.remove(&name) {
            None => value,
            Some(Value::Array(mut values)) => {
                values.push(value);
                Value::Array(values)
            }
            Some(first) => Value::Array(vec![first, value]),
        };
        members.insert(name, repeated);
    }
    members
}

fn read_value(name: &str, value: String) -> Value {
    match &*value {
        "true" if BOOLEANS.contains(&name) => Value::Bool(true),
        "false" if BOOLEANS.contains(&name) => Value::Bool(false),
        _ => Value::String(value),
    }
}
