//! One pass over the raw text, before any of it is built: depth and lexical integers.
//!
//! Decides what a parser that has already converted numbers cannot see any more: `1e21` may be
//! read as a double, `1000000000000000000000` may not. Must never judge syntax: that is the
//! parser's work, this pass only has to be right on texts that are JSON.

use super::{DEPTH_MAX, Error, INTEGER_MAX};

/// The UTF-8 spelling of U+FEFF.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(Error::ByteOrderMark);
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Error::TooDeep { at });
                }
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'-' | b'0'..=b'9' => at = number_end(bytes, at)?,
            _ => at += 1,
        }
    }
    Ok(())
}

/// The position after the closing quote of the string whose first character is at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// The position after the number that starts at `start`.
fn number_end(bytes: &[u8], start: usize) -> Result<usize, Error> {
    let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let len = bytes[start..].iter().take_while(|byte| in_number(byte)).count();
    let literal = &bytes[start..start + len];
    if printed_as_unsafe_integer(literal) {
        return Err(Error::UnsafeInteger { at: start });
    }
    Ok(start + len)
}

/// Whether the literal is an integer beyond the safe range, or is one in canonical form: RFC 8785
/// prints doubles below 10^21 without an exponent, so `1e20` would come back as an unsafe integer.
fn printed_as_unsafe_integer(literal: &[u8]) -> bool {
    let digits = literal.strip_prefix(b"-").unwrap_or(literal);
    let Ok(text) = std::str::from_utf8(digits) else { return false };
    if digits.iter().all(u8::is_ascii_digit) {
        // Failing to parse means more than u64::MAX, or no digit at all, which the parser refuses.
        return text.parse::<u64>().map_or(!text.is_empty(), |integer| integer > INTEGER_MAX);
    }
    let unsafe_from = INTEGER_MAX as f64;
    text.parse::<f64>().is_ok_and(|double| double > unsafe_from && double < 1e21)
}
