//! The query of a request.
//!
//! Decides how `application/x-www-form-urlencoded` is read. Must never refuse one: what is no escape
//! stands for itself, and who asks for a member says what is wrong with it.

use proto_types::path::unescaped;

/// The pairs of a query, unescaped. The listener bounds the length of a request's target.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (unescape(name), unescape(value)))
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |after: usize| bytes.get(at + after).copied();
        let escaped = match bytes[at] {
            b'%' => unescaped(digit(1), digit(2)).ok(),
            _ => None,
        };
        plain.push(match bytes[at] {
            b'+' => b' ',
            byte => escaped.unwrap_or(byte),
        });
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_unescaped() {
        let read: Vec<_> = pairs("A2A%2DVersion=1%2E0&&x&y=%zz+%4&z=%+1%2b").collect();
        let expected = [("A2A-Version", "1.0"), ("x", ""), ("y", "%zz %4"), ("z", "% 1+")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
