//! Which numbers the canonical form can hold.
//!
//! Decides by the digits as they were written: `1e21` may be read as a double, `1000000000000000000000`
//! may not. Must never round a number to find out.

use serde_json::Value;

use super::{Error, INTEGER_MAX, pointer, segment};

pub(super) fn check(value: &Value) -> Result<(), Error> {
    refused_at(first_unsafe(value))
}

/// The same, but for one member of an object.
pub(super) fn check_without(value: &Value, left_out: &str) -> Result<(), Error> {
    let Value::Object(members) = value else { return check(value) };
    let mut counted = members.iter().filter(|(name, _)| *name != left_out);
    refused_at(counted.find_map(|(name, member)| inside(name, member)))
}

fn refused_at(path: Option<Vec<String>>) -> Result<(), Error> {
    match path {
        Some(path) => Err(Error::UnsafeNumber { path: pointer(&path) }),
        None => Ok(()),
    }
}

/// The path to the first number that is not held, the innermost step first. The recursion is as
/// deep as the document, which the strict parser has bounded.
fn first_unsafe(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Number(number) => (!is_held(number.as_str())).then(Vec::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| inside(at, item)),
        Value::Object(members) => members.iter().find_map(|(name, member)| inside(name, member)),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// The same in what stands at this step.
fn inside(step: impl ToString, value: &Value) -> Option<Vec<String>> {
    let mut path = first_unsafe(value)?;
    path.push(segment(&step.to_string()));
    Some(path)
}

/// Not an integer beyond the safe range, and not one in canonical form: RFC 8785 prints doubles
/// below 10^21 without an exponent, so `1e20` would come back as an unsafe integer.
fn is_held(literal: &str) -> bool {
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse::<u64>().is_ok_and(|integer| integer <= INTEGER_MAX);
    }
    let unsafe_from = INTEGER_MAX as f64;
    let rounded = |double: f64| double > unsafe_from && double < 1e21;
    digits.parse::<f64>().is_ok_and(|double| double.is_finite() && !rounded(double))
}
