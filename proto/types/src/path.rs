//! One reading of every request path, and one encoding of a name in it.
//!
//! Decides which paths have exactly one reading (attack case 32), for registry and gateway alike: a
//! name is exactly one percent-encoded segment, decoded once. Must never repair a path: a proxy
//! before us or a log reader behind us may repair it differently, so whatever has two readings is
//! refused, with the reason.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest path: a handle of 512 bytes, all of them escaped, with room to spare.
pub const LEN_MAX: usize = 2_048;

/// No route of ours has more segments; more are refused before they are looked at.
const SEGMENTS_MAX: usize = 8;

/// Why a path has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than [`LEN_MAX`] or of too many segments.
    #[error("longer than any path here")]
    TooLong,
    /// Not a path at all: an authority, an absolute URL or `*`.
    #[error("the target does not begin with a slash")]
    NotAbsolute,
    /// A blank, a control character, a backslash or a byte beyond ASCII, escaped or not.
    #[error("a byte that must not stand in a path")]
    Byte,
    /// `//`: some servers read it as one slash.
    #[error("an empty segment")]
    EmptySegment,
    /// `.` or `..`: clients resolve them before they ask, attackers do not. An escaped one is one too
    /// (WHATWG URL, section 4.4), and so is a part of a name between slashes.
    #[error("a dot segment")]
    DotSegment,
    /// `;`: some servers cut the segment there.
    #[error("a path parameter")]
    Parameter,
    /// `%` that is not followed by two hexadecimal digits.
    #[error("an incomplete escape")]
    Escape,
}

/// The segments of a path without its query, decoded once; the last is empty if the path ends with
/// a slash. A decoded segment may hold slashes: then they are a part of a name.
///
/// # Errors
/// The path has more than one reading; see [`enum@Error`].
pub fn segments(path: &str) -> Result<Vec<String>, Error> {
    texts(path)?.map(|(text, is_last)| segment(text, is_last).map(Cow::into_owned)).collect()
}

/// Holds if a path has one reading; none of its segments is kept.
///
/// # Errors
/// As [`segments`].
pub fn check(path: &str) -> Result<(), Error> {
    texts(path)?.try_for_each(|(text, is_last)| segment(text, is_last).map(drop))
}

/// One segment of a path, counted from 0, as [`segments`] gives it; `None` if there are not so many. It says nothing of the
/// others, so [`check`] comes before.
///
/// # Errors
/// This segment, or the whole by its length, has more than one reading.
pub fn nth(path: &str, at: usize) -> Result<Option<Cow<'_, str>>, Error> {
    texts(path)?.nth(at).map(|(text, is_last)| segment(text, is_last)).transpose()
}

/// The segments as they are written, each with whether it is the last.
fn texts(path: &str) -> Result<impl Iterator<Item = (&str, bool)>, Error> {
    let rest = path.strip_prefix('/').ok_or(Error::NotAbsolute)?;
    let count = rest.split('/').count();
    if path.len() > LEN_MAX || count > SEGMENTS_MAX {
        return Err(Error::TooLong);
    }
    Ok(rest.split('/').enumerate().map(move |(at, text)| (text, at + 1 == count)))
}

/// Whether a name can stand in a path, and so can be published: none of its parts between slashes is
/// a dot segment.
#[must_use]
pub fn is_addressable(name: &str) -> bool {
    !name.split('/').any(|part| matches!(part, "." | ".."))
}

/// A name as one segment of a path, or as a value of a query: only what RFC 3986 calls unreserved
/// stands for itself.
#[must_use]
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => write!(encoded, "%{byte:02X}").expect("a String takes all writes"),
        }
    }
    encoded
}

fn segment(text: &str, last: bool) -> Result<Cow<'_, str>, Error> {
    // Before decoding: nobody who stands between has decoded yet.
    match text {
        "" if !last => return Err(Error::EmptySegment),
        "." | ".." => return Err(Error::DotSegment),
        _ => {}
    }
    let plain = decoded(text)?;
    // After it: who decodes before he routes must not find another path.
    if is_addressable(&plain) { Ok(plain) } else { Err(Error::DotSegment) }
}

/// What a segment stands for: without an escape for itself.
fn decoded(text: &str) -> Result<Cow<'_, str>, Error> {
    if !text.contains(['%', ';']) {
        text.bytes().try_for_each(check_byte)?;
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b';' => return Err(Error::Parameter),
            b'%' => unescaped(bytes.next(), bytes.next())?,
            byte => byte,
        };
        check_byte(byte)?;
        plain.push(char::from(byte));
    }
    Ok(Cow::Owned(plain))
}

/// Holds if a path may stand for this byte.
fn check_byte(byte: u8) -> Result<(), Error> {
    match byte.is_ascii_graphic() && byte != b'\\' {
        true => Ok(()),
        false => Err(Error::Byte),
    }
}

/// What `%` and two digits stand for: these characters, in a path and in a query alike.
///
/// # Errors
/// [`Error::Escape`]: one of them is no hexadecimal digit, or missing.
pub fn unescaped(high: Option<u8>, low: Option<u8>) -> Result<u8, Error> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(Error::Escape) };
    u8::try_from(high * 16 + low).map_err(|_| Error::Escape)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Handle;

    #[test]
    fn case_32_a_path_with_two_readings_is_refused_with_the_reason() {
        for (path, reason) in [
            ("", Error::NotAbsolute),
            ("*", Error::NotAbsolute),
            ("http://a/v1", Error::NotAbsolute),
            ("//v1/publish", Error::EmptySegment),
            ("/v1//publish", Error::EmptySegment),
            ("/agents/echo//", Error::EmptySegment),
            ("/./v1/publish", Error::DotSegment),
            ("/agents/../metrics", Error::DotSegment),
            ("/agents/..", Error::DotSegment),
            ("/agents/%2e%2E/metrics", Error::DotSegment),
            ("/agents/.%2e", Error::DotSegment),
            ("/agents/..%2fmetrics", Error::DotSegment),
            ("/agents/a%2F..%2Fmetrics", Error::DotSegment),
            ("/agents/a%2F.", Error::DotSegment),
            ("/agents/a%5Cb", Error::Byte),
            ("/agents/echo;v=1", Error::Parameter),
            ("/agents;/echo", Error::Parameter),
            ("/agents/a\\b", Error::Byte),
            ("/agents/a%00", Error::Byte),
            ("/agents/a%0d%0a", Error::Byte),
            ("/agents/my%20agent%2042", Error::Byte),
            ("/agents/caf%c3%a9", Error::Byte),
            ("/agents/café", Error::Byte),
            ("/agents/a b", Error::Byte),
            ("/agents/a%", Error::Escape),
            ("/agents/a%4", Error::Escape),
            ("/agents/a%+f", Error::Escape),
            ("/a/b/c/d/e/f/g/h/i", Error::TooLong),
        ] {
            assert_eq!(segments(path), Err(reason), "{path}");
            assert_eq!(check(path), Err(reason), "{path}");
        }
        let long = format!("/agents/{}", "a".repeat(LEN_MAX));
        assert_eq!(segments(&long), Err(Error::TooLong));
    }

    #[test]
    fn a_name_in_a_path_is_one_segment_decoded_once() {
        for (path, name) in [
            ("/agents/acme01%2Ftranslator", "acme01/translator"),
            ("/agents/acme01%2ftranslator", "acme01/translator"),
            ("/agents/a%252fb", "a%2fb"),
            ("/agents/a%3Fb%23c%3Bd", "a?b#c;d"),
            ("/agents/https%3A%2F%2Fa.example", "https://a.example"),
            ("/agents/..a", "..a"),
            ("/agents/urn:a@b", "urn:a@b"),
        ] {
            assert_eq!(segments(path).unwrap(), ["agents", name], "{path}");
        }
        assert_eq!(segments("/agents/").unwrap(), ["agents", ""]);
    }

    proptest! {
        #[test]
        fn every_name_that_may_be_published_comes_back_from_its_path(name in r"[!#-\[\]-~]{8,512}") {
            prop_assert!(Handle::parse(&name).is_ok());
            let read = segments(&format!("/v1/records/{}", encode(&name)));
            match is_addressable(&name) {
                true => prop_assert_eq!(&read.unwrap()[2], &name),
                false => prop_assert_eq!(read, Err(Error::DotSegment)),
            }
        }

        #[test]
        fn a_path_is_checked_as_it_is_read_and_each_segment_is_found_alone(
            path in r"(/[ab.%0-9f;:\\ ]{0,6}){0,9}"
        ) {
            let read = segments(&path);
            prop_assert_eq!(check(&path), read.clone().map(drop));
            if let Ok(read) = read {
                for (at, segment) in read.iter().enumerate() {
                    let found = nth(&path, at).unwrap();
                    prop_assert_eq!(found.as_deref(), Some(segment.as_str()));
                }
                prop_assert_eq!(nth(&path, read.len()), Ok(None));
            }
        }

        #[test]
        fn what_was_read_once_is_encoded_and_read_the_same_again(path in "(/[a-z.%0-9;:\\-]{0,6}){1,5}") {
            if let Ok(read) = segments(&path) {
                let encoded: Vec<String> = read.iter().map(|name| encode(name)).collect();
                prop_assert_eq!(segments(&format!("/{}", encoded.join("/"))), Ok(read));
            }
        }
    }
}
