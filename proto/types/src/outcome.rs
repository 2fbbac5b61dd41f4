//! The bounds of what a hosted agent gives back, the same for the node, the registry and the gateway.
//!
//! Decides what an outcome document may weigh and how a reason is worded on its way to people. Must never refuse a
//! reason: whoever has one to tell can tell it.

use crate::json;
use crate::text::texts;

/// An outcome document, `{"artifacts": [..], "message": {..}}`, as JSON. It is kept as one body of the registry.
pub const OUTCOME_BYTES_MAX: usize = 1 << 20;

/// How deep one JSON value of an agent may be nested: what readers take, less the levels that events, outcomes and
/// JSON-RPC answers put around it (`result.artifactUpdate.artifact.parts[0].data` has 6).
pub const DATA_DEPTH_MAX: usize = json::DEPTH_MAX - 8;

/// Why a task ended: a sentence, in logs and statuses.
pub const REASON_BYTES_MAX: usize = 1_024;

texts! {
    /// Why a task ended, or was handed back.
    #[serde(try_from = "String", into = "String")]
    Reason: REASON_BYTES_MAX;
}

impl Reason {
    /// The text as one [printable] line; `None` if it says nothing.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::try_from(printable(text, Self::LEN_MAX)).ok()
    }

    /// The same of who has to give a reason.
    #[must_use]
    pub fn given(text: &str) -> Self {
        Self::of(text).unwrap_or_else(|| Self("no reason given".to_owned()))
    }
}

/// The text on one printable line of at most `bytes_max` bytes: control characters and line separators are written as
/// escapes, and what is too long ends with an ellipsis.
#[must_use]
pub fn printable(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: &str = "…";
    let mut line = String::new();
    // Where the line is cut if the rest does not fit.
    let mut cut = 0;
    for character in text.chars() {
        if is_printable(character) {
            line.push(character);
        } else {
            line.extend(character.escape_default());
        }
        if line.len() > bytes_max {
            line.truncate(cut);
            line.push_str(ELLIPSIS);
            return line;
        }
        if line.len() + ELLIPSIS.len() <= bytes_max {
            cut = line.len();
        }
    }
    line
}

/// U+2028 and U+2029 are no control characters, but end a line to many readers.
fn is_printable(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_printable_line_of_bounded_length() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a\nb\t\u{1b}[31m", "a\\nb\\t\\u{1b}[31m"),
            ("a\u{2028}b\u{85}", "a\\u{2028}b\\u{85}"),
            ("naïve ✓", "naïve ✓"),
            ("", ""),
        ] {
            assert_eq!(printable(text, 64), expected, "{text:?}");
        }
        for text in ["é".repeat(2_000), "\n".repeat(2_000), "a".repeat(1_025)] {
            let line = printable(&text, REASON_BYTES_MAX);
            assert!(line.len() <= REASON_BYTES_MAX && line.ends_with('…'), "{line}");
            assert!(!line.contains(char::is_control));
        }
        assert_eq!(printable(&"a".repeat(1_024), REASON_BYTES_MAX).len(), 1_024);
    }

    #[test]
    fn whoever_has_to_give_a_reason_has_one() {
        for (text, given) in [("", "no reason given"), ("a\nb", "a\\nb")] {
            assert_eq!(Reason::given(text).as_str(), given);
            assert_eq!(Reason::of(text).is_some(), !text.is_empty());
        }
        assert_eq!(Reason::given(&"\n".repeat(2_000)).as_str().len(), 1_023);
    }
}
