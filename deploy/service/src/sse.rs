//! Frames of server-sent events (WHATWG HTML, section 9.2).
//!
//! It decides how JSON is encoded so that each reader sees one line of it. It never decides what an
//! event says.

use std::borrow::Cow;

use axum::body::Bytes;

/// What some readers take for the end of a line although it is none in a stream of events: Python's
/// `str.splitlines` does, and with it the official A2A SDK. JSON lets them stand as they are.
const LINE_ENDS: [(char, &str); 3] =
    [('\u{85}', "\\u0085"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];

/// An event: `fields`, each with its line end, then the JSON as its data.
///
/// `json` is compact: a serialiser escapes control characters, so it has no other line ends.
#[must_use]
pub fn event(fields: &str, json: &str) -> Bytes {
    let json = LINE_ENDS.iter().fold(Cow::Borrowed(json), |json, (end, escaped)| {
        match json.contains(*end) {
            true => Cow::Owned(json.replace(*end, escaped)),
            false => json,
        }
    });
    format!("{fields}data: {json}\n\n").into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn no_reader_finds_a_line_end_inside_the_data() {
        let text = "a\u{2028}b\u{2029}c\u{85}d\ne\u{b}f\u{c}g\u{1c}h\u{1d}i\u{1e}j\rk";
        let json = serde_json::to_string(text).unwrap();
        let frame = event("id: 7\n", &json);
        let frame = std::str::from_utf8(&frame).unwrap();
        let data = frame.strip_prefix("id: 7\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
        let line_ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        assert!(!data.contains(line_ends), "{data}");
        assert_eq!(serde_json::from_str::<String>(data).unwrap(), text);
        assert_eq!(event("", "{}"), "data: {}\n\n");
    }
}
