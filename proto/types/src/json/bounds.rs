//! One pass over the raw text, before any of it is built: a byte-order mark, depth, and how many values.
//!
//! Decides what would cost stack or memory before it could be refused. Must never judge syntax: that is the
//! parser's work, this pass only has to be right on texts that are JSON.

use super::{DEPTH_MAX, Error, values_max};

/// The UTF-8 encoding of U+FEFF.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(Error::ByteOrderMark);
    }
    let values_max = values_max(bytes.len());
    // A value follows each comma, and begins what has brackets; an empty pair counts for one more.
    let (mut depth, mut values) = (0_usize, 1_usize);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        values += usize::from(matches!(byte, b',' | b'[' | b'{'));
        if values > values_max {
            return Err(Error::TooMany { at, values_max });
        }
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            _ => {
                depth = nested(depth, byte).ok_or(Error::TooDeep { at })?;
                at += 1;
            }
        }
    }
    Ok(())
}

/// The depth after a byte outside of strings; `None` beyond the bound.
fn nested(depth: usize, byte: u8) -> Option<usize> {
    match byte {
        b'[' | b'{' if depth == DEPTH_MAX => None,
        b'[' | b'{' => Some(depth + 1),
        b']' | b'}' => Some(depth.saturating_sub(1)),
        _ => Some(depth),
    }
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
