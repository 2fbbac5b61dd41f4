//! One reading of every path (attack case 32).
//!
//! It decides which request targets have exactly one; the gateway's rules are the same, and a test
//! holds the two together. It must never repair a path: a proxy before us or a log reader behind us
//! may repair it differently, so whatever has two readings is refused, with the reason.

use crate::problem::{Code, Problem};

/// The longest path: a handle of 512 bytes, all of them escaped, with room to spare.
const LEN_MAX: usize = 2_048;

/// No route has more segments.
const SEGMENTS_MAX: usize = 8;

/// Holds if the path, without its query, has one reading.
///
/// # Errors
/// `path-ambiguous`, with the reason.
pub fn check(path: &str) -> Result<(), Problem> {
    read(path).map_err(|why| Problem::new(Code::PathAmbiguous, why))
}

fn read(path: &str) -> Result<(), &'static str> {
    let rest = path.strip_prefix('/').ok_or("the target does not begin with a slash")?;
    let count = rest.split('/').count();
    if path.len() > LEN_MAX || count > SEGMENTS_MAX {
        return Err("longer than any path here");
    }
    rest.split('/').enumerate().try_for_each(|(at, text)| segment(text, at + 1 == count))
}

fn segment(text: &str, last: bool) -> Result<(), &'static str> {
    // Unescaped, an origin makes an empty segment, which nobody here takes for another path.
    let text = after_scheme(text).filter(|host| !host.is_empty()).unwrap_or(text);
    match text {
        "" if !last => return Err("an empty segment"),
        "." | ".." => return Err("a dot segment"),
        _ => {}
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b';' => return Err("a path parameter"),
            b'%' => escaped(bytes.next(), bytes.next())?,
            b'\\' => return Err("a backslash"),
            _ if byte.is_ascii_graphic() => {}
            _ => return Err("a byte that must not stand in a path"),
        }
    }
    Ok(())
}

/// What follows `https://` or `http://`, escaped.
fn after_scheme(text: &str) -> Option<&str> {
    let has = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let scheme = ["https%3a%2f%2f", "http%3a%2f%2f"].into_iter().find(has)?;
    Some(&text[scheme.len()..])
}

/// Clients escape `:` and `@` without need, which is harmless; an escaped delimiter is not, because
/// whoever unescapes twice reads another path.
fn escaped(high: Option<u8>, low: Option<u8>) -> Result<(), &'static str> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err("an incomplete escape");
    };
    match char::from_u32(high * 16 + low) {
        Some('/' | '\\' | '.' | ';' | '%' | '?' | '#') => Err("an escape that hides a delimiter"),
        Some(plain) if plain.is_ascii_graphic() => Ok(()),
        _ => Err("an escape for a byte that must not stand in a path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_32_registry_and_gateway_read_every_path_alike() {
        let long = format!("/v1/{}", "a".repeat(LEN_MAX));
        let pieces = [
            "", ".", "..", "a", "%2f", "%2F", "%5c", "%2e%2e", "%252f", "%00", "%0a", "%", "%4",
            "%zz", "a;b", ";", "\\", "%3b", "%3f", "%23", "%3A", "a:b@c", "\u{e9}", "a b", "~",
        ];
        let pairs = pieces.iter().flat_map(|one| pieces.map(|two| format!("/v1/{one}/{two}")));
        let bare = ["", "*", "/", "//", "v1", "http://a/v1", long.as_str(), "/a/b/c/d/e/f/g/h/i"];
        let mut refused = 0;
        for path in pairs.chain(bare.map(str::to_owned)) {
            let ours = check(&path).is_ok();
            assert_eq!(ours, gateway_core::path::Route::find(&path).is_ok(), "{path}");
            refused += usize::from(!ours);
        }
        assert!(refused > 500, "{refused}");
        assert_eq!(check("/v1/records/urn%3Ahive%3Aagent%3A1"), Ok(()));
    }

    #[test]
    fn case_32_an_origin_is_one_segment_and_hides_nothing() {
        for good in ["https%3A%2F%2Fa.example", "http%3a%2f%2f127.0.0.1%3A80"] {
            assert_eq!(check(&format!("/v1/peers/{good}")), Ok(()));
        }
        for bad in [
            "https%3A%2F%2F",
            "https%3A%2F%2Fa%2F..",
            "https%3A%2F%2F..",
            "https%3A%2Fa",
            "x%2F%2Fa",
            "https%3A%2F%2Fa;b",
        ] {
            assert!(check(&format!("/v1/peers/{bad}")).is_err(), "{bad}");
        }
    }
}
