//! Strict JSON in, canonical JSON out.
//!
//! Decides which texts have exactly one meaning to every reader: no duplicate members, no lone
//! surrogate, no byte-order mark, bounded depth and count (attack cases 16 to 18 and 30), and for documents
//! that have a canonical form no number that a double cannot hold. Must never repair or normalise
//! what it reads.

mod bounds;
mod check;
mod numbers;
mod parser;
mod strict;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The greatest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 128;

/// As many values as every text may have: numbers, texts, arrays and so on, however deep they stand. One takes up to a
/// hundred bytes of memory once it is read, and two in a text.
pub const VALUES_MAX: usize = 100_000;

/// How many bytes a text that has more values has for each: lists of documents have more. Arbitrary.
const BYTES_PER_VALUE: usize = 16;

/// 2^53 − 1: the greatest integer whose neighbours a double can tell apart (RFC 8259, section 6).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a text is not strict JSON. Offsets are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text starts with a byte-order mark.
    #[error("a byte-order mark before the document")]
    ByteOrderMark,
    /// Arrays and objects are nested more deeply than [`DEPTH_MAX`].
    #[error("nested more than {DEPTH_MAX} deep at byte {at}")]
    TooDeep {
        /// Where the bracket that is one too many stands.
        at: usize,
    },
    /// More values than [`VALUES_MAX`], and than one for each 16 bytes.
    #[error("more than {values_max} values at byte {at}")]
    TooMany {
        /// Where the one that is too many begins, or the comma before it.
        at: usize,
        /// How many a text of this length may have.
        values_max: usize,
    },
    /// A number that the canonical form cannot hold: an integer outside ±[`INTEGER_MAX`], or one
    /// beyond all doubles.
    #[error("the number at {path:?} is beyond 2^53 - 1, which the canonical form cannot hold")]
    UnsafeNumber {
        /// Where it stands, as a JSON pointer (RFC 6901) cut to 256 characters.
        path: String,
    },
    /// The same member twice in one object, after escapes are resolved.
    #[error("duplicate member {name:?} in {path:?}")]
    DuplicateMember {
        /// The member, cut to 64 characters.
        name: String,
        /// The object that has it, as a JSON pointer (RFC 6901) cut to 256 characters.
        path: String,
    },
    /// A member whose name [`is_reserved`].
    #[error("reserved member name {name:?} in {path:?}")]
    ReservedMember {
        /// The member.
        name: String,
        /// The object that has it, as a JSON pointer cut to 256 characters.
        path: String,
    },
    /// Not JSON (RFC 8259), or not UTF-8, or with lone surrogates, or bytes after the end.
    #[error("not JSON: {reason}")]
    Syntax {
        /// What the parser says, with line and column. A text, so that refusals can be compared.
        reason: String,
    },
    /// Strict JSON, but not of the expected shape.
    #[error("not of the expected shape: {reason}")]
    Shape {
        /// Which member is missing, unknown or wrong. It may quote the input.
        reason: String,
    },
}

/// Reads one strict JSON document that has a canonical form: one that is signed, hashed or compared.
///
/// # Errors
/// As [`parse_lossless`] and [`check_numbers`].
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let value = parse_lossless(bytes)?;
    check_numbers(&value)?;
    Ok(value)
}

/// Reads one strict JSON document that is only handed on: each number keeps its digits, however
/// large or precise it is (RFC 8259 sets no bound). Such a value may have no canonical form.
///
/// # Errors
/// See [`enum@Error`], all but [`Error::UnsafeNumber`]. Time is linear in the input, memory too, and at most
/// ten times as much for a text of a MiB; the stack is bounded by [`DEPTH_MAX`].
pub fn parse_lossless(bytes: &[u8]) -> Result<Value, Error> {
    bounds::check(bytes)?;
    strict::read(bytes)
}

/// Whether one strict JSON document is an object, for who hands it on and never looks into it: no value is made of it.
///
/// # Errors
/// As [`parse_lossless`], with the same text and the same place.
pub fn is_object(bytes: &[u8]) -> Result<bool, Error> {
    bounds::check(bytes)?;
    check::is_object(bytes)
}

/// Whether foreign data may not have a member of this name: our JSON library gives it a meaning of its own.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    [parser::RAW, parser::NUMBER].contains(&name)
}

/// How many values a text of so many bytes may have.
fn values_max(bytes: usize) -> usize {
    VALUES_MAX.max(bytes / BYTES_PER_VALUE)
}

/// Whether the canonical form holds every number of a value.
///
/// # Errors
/// [`Error::UnsafeNumber`] with the place of the first that it does not hold.
pub fn check_numbers(value: &Value) -> Result<(), Error> {
    numbers::check(value)
}

/// The same of an object without the member of this name.
pub(crate) fn check_numbers_without(value: &Value, left_out: &str) -> Result<(), Error> {
    numbers::check_without(value, left_out)
}

/// Reads one strict JSON document into a type.
///
/// # Errors
/// As [`parse`], and [`Error::Shape`].
pub fn from_strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    shaped(parse(bytes)?)
}

/// Reads a value that [`parse`] has given into a type.
///
/// # Errors
/// [`Error::Shape`].
pub fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Shape { reason: error.to_string() })
}

/// How deep arrays and objects are nested in a value: 0 for one that holds none.
#[must_use]
pub fn depth(value: &Value) -> usize {
    let deepest = |items: &mut dyn Iterator<Item = &Value>| items.map(depth).max().unwrap_or(0);
    match value {
        Value::Array(items) => 1 + deepest(&mut items.iter()),
        Value::Object(members) => 1 + deepest(&mut members.values()),
        _ => 0,
    }
}

/// The canonical form (RFC 8785) of a value whose numbers it can hold: of one that [`parse`] has
/// given or [`check_numbers`] has passed.
#[must_use]
pub fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value)
        .expect("a Value has string keys, its numbers were checked, and memory takes all writes")
}

/// How much of a path goes into an error.
const PATH_CHARS_MAX: usize = 256;

/// One step of a JSON pointer, escaped.
fn segment(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// The JSON pointer of these steps, the innermost first, as they are gathered on the way out.
fn pointer(innermost_first: &[String]) -> String {
    let whole: String =
        innermost_first.iter().rev().flat_map(|step| ["/", step.as_str()]).collect();
    whole.chars().take(PATH_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
