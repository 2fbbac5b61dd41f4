//! Forms of text that foreign schemas ask for.
//!
//! Decides what a URI, a scheme name or a hexadecimal text looks like. Must never resolve or
//! normalise one.

/// The longest URI that we keep. Arbitrary; common servers refuse longer request lines than 8 KiB.
pub(crate) const URI_LEN_MAX: usize = 2_048;

/// An absolute URI by the characters of RFC 3986: a scheme, a colon, and something after it.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
        && !rest.is_empty()
        && text.len() <= URI_LEN_MAX
        && has_uri_characters(rest.as_bytes())
}

fn has_uri_characters(mut rest: &[u8]) -> bool {
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'%' => match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    after
                }
                _ => return false,
            },
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => return false,
            _ if byte.is_ascii_graphic() => after,
            _ => return false,
        };
    }
    true
}

/// Exactly `digits` hexadecimal digits of either case.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
