//! Members of requests become typed values, or a problem that names the member. A value is never repaired.

use std::fmt::Display;
use std::str::FromStr;

use proto_types::path::is_addressable;
use proto_types::{Digest, Handle, WallMs};

use crate::problem::Problem;

/// Entries of a page if the caller names no number.
pub const PAGE_DEFAULT: u32 = 100;

/// Entries of a page at most: one answer stays below a few MiB.
pub const PAGE_MAX: u32 = 1_000;

/// Reads a member into its type.
///
/// # Errors
/// `invalid-argument` with the member's name.
pub fn read<T: FromStr<Err: Display>>(member: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|why| Problem::argument(member, why))
}

/// Reads the handle of what is to be published: whatever is, can be asked for by its path.
///
/// # Errors
/// As [`read`], and for a name that no path can hold.
pub fn handle(member: &str, text: &str) -> Result<Handle, Problem> {
    match is_addressable(text) {
        true => read(member, text),
        false => Err(Problem::argument(member, "a part of it is a dot segment")),
    }
}

/// Reads a member that may be empty.
///
/// # Errors
/// As [`read`].
pub fn optional<T: FromStr<Err: Display>>(member: &str, text: &str) -> Result<Option<T>, Problem> {
    if text.is_empty() { Ok(None) } else { read(member, text).map(Some) }
}

/// A text of bounded length without control characters.
///
/// # Errors
/// `invalid-argument`.
pub fn text(member: &str, text: &str, len_max: usize) -> Result<String, Problem> {
    if text.is_empty() || text.len() > len_max {
        return Err(Problem::argument(member, format_args!("1 to {len_max} bytes are allowed")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::argument(member, "control characters are not allowed"));
    }
    Ok(text.to_owned())
}

/// A body of bounded length, and its digest.
///
/// # Errors
/// `invalid-argument` if it is empty, `body-too-large`.
pub fn body(member: &str, bytes: &[u8], len_max: usize) -> Result<Digest, Problem> {
    bounded(member, bytes, len_max)?;
    Ok(Digest::of(bytes))
}

/// Holds if a body, whose digest is known, has a bounded length.
///
/// # Errors
/// As [`body`].
pub fn bounded(member: &str, bytes: &[u8], len_max: usize) -> Result<(), Problem> {
    if bytes.is_empty() {
        return Err(Problem::argument(member, "it is empty"));
    }
    if bytes.len() > len_max {
        return Err(too_large(bytes.len(), len_max));
    }
    Ok(())
}

/// The problem of a body that is too large.
#[must_use]
pub fn too_large(len: usize, len_max: usize) -> Problem {
    use crate::problem::Code::BodyTooLarge;
    Problem::new(BodyTooLarge, format_args!("{len} bytes; at most {len_max} are accepted"))
        .with("bytes_max", len_max)
}

/// A time that is stated, not 0.
///
/// # Errors
/// `invalid-argument`.
pub fn time(member: &str, ms: u64) -> Result<WallMs, Problem> {
    if ms == 0 { Err(Problem::argument(member, "it is not stated")) } else { Ok(WallMs(ms)) }
}

/// How many entries a page has.
///
/// # Errors
/// `invalid-argument` above [`PAGE_MAX`].
pub fn page(limit: u32) -> Result<usize, Problem> {
    match limit {
        0 => Ok(PAGE_DEFAULT as usize),
        1..=PAGE_MAX => Ok(limit as usize),
        _ => Err(Problem::argument("limit", format_args!("1 to {PAGE_MAX}; {limit} was asked"))),
    }
}

/// The name of the last entry of a page after which there may be another; empty at the end.
#[must_use]
pub fn next<T>(page: &[T], limit: usize, id: impl Fn(&T) -> &str) -> String {
    match page.last() {
        Some(last) if page.len() == limit => id(last).to_owned(),
        _ => String::new(),
    }
}
