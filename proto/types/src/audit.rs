//! The audit: who did what to what, each line bound to the one before by its digest.
//!
//! Decides the canonical form of a line and whether lines are a chain. Must never hold a control
//! character or a text without a bound: lines are shown, and they quote callers (attack case 34).

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What a line's digest starts with.
const DOMAIN: &[u8] = b"ecumene/audit\0";

/// As long as the longest id, a handle.
pub const FIELD_CHARS_MAX: usize = 512;

/// One act. Its canonical form is its JSON: the members stand in the order of RFC 8785.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditLine {
    /// What was asked for: a command's name, or method and path.
    pub action: String,
    /// The time of the state machine.
    pub at_ms: u64,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// The digest of the line before; zeroes before the first.
    pub prev: Digest,
    /// The request's id, as the caller or the edge gave it; may be empty.
    pub request_id: String,
    /// Its number; the first is 1.
    pub seq: u64,
    /// What it was done to.
    pub target: String,
    /// Who did it.
    pub who: String,
}

/// The first place where lines are no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A number is missing or stands twice.
    #[error("line {found} stands where line {expected} should")]
    Sequence {
        /// The number that should be there.
        expected: u64,
        /// The number that is.
        found: u64,
    },
    /// The line before was changed, or this line's word about it.
    #[error("line {seq} does not continue the line before: one of them was changed")]
    Chain {
        /// The later line.
        seq: u64,
    },
    /// The last line is not the head that was published.
    #[error("line {seq} is not what was published: its digest was {published} and is {found}")]
    Head {
        /// Which line.
        seq: u64,
        /// The digest in the log or checkpoint.
        published: Digest,
        /// The digest of the line.
        found: Digest,
    },
}

impl AuditLine {
    /// What the next line binds itself to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self);
        let json = json.expect("texts and numbers below 2^53 print as JSON");
        Digest::of_parts(&[DOMAIN, &json])
    }

    /// Holds if this line is the one after.
    ///
    /// # Errors
    /// See [`Broken`].
    pub fn continues(&self, (seq, digest): (u64, &Digest)) -> Result<(), Broken> {
        let expected = seq.saturating_add(1);
        match (self.seq == expected, self.prev == *digest) {
            (false, _) => Err(Broken::Sequence { expected, found: self.seq }),
            (true, false) => Err(Broken::Chain { seq: self.seq }),
            (true, true) => Ok(()),
        }
    }
}

/// The digest before the first line.
#[must_use]
pub const fn start() -> Digest {
    Digest([0; 32])
}

/// A text as it may stand in a line: control characters escaped, cut to 512 characters.
#[must_use]
pub fn plain(text: &str) -> String {
    let escaped = text.chars().flat_map(|letter| {
        let escape = letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
        let (kept, encoded) = match escape {
            true => (None, Some(letter.escape_unicode())),
            false => (Some(letter), None),
        };
        kept.into_iter().chain(encoded.into_iter().flatten())
    });
    escaped.take(FIELD_CHARS_MAX).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn line(seq: u64, prev: Digest, target: &str) -> AuditLine {
        AuditLine {
            action: "revoke-peer".into(),
            at_ms: 1_800_000_000_000,
            outcome: "done".into(),
            prev,
            request_id: String::new(),
            seq,
            target: plain(target),
            who: "operator".into(),
        }
    }

    #[test]
    fn a_changed_missing_or_repeated_line_breaks_the_chain() {
        let first = line(1, start(), "https://a.example");
        let second = line(2, first.digest(), "https://b.example");
        assert_eq!(first.continues((0, &start())), Ok(()));
        assert_eq!(second.continues((1, &first.digest())), Ok(()));
        let changed = AuditLine { who: "nobody".into(), ..first.clone() };
        assert_eq!(second.continues((1, &changed.digest())), Err(Broken::Chain { seq: 2 }));
        let gap = Broken::Sequence { expected: 1, found: 2 };
        assert_eq!(second.continues((0, &start())), Err(gap));
        let again = Broken::Sequence { expected: 3, found: 2 };
        assert_eq!(second.continues((2, &second.digest())), Err(again));
    }

    #[test]
    fn a_line_is_its_canonical_json() {
        let first = line(1, start(), "x");
        let json = serde_json::to_vec(&first).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), json);
        assert_eq!(serde_json::from_slice::<AuditLine>(&json).unwrap(), first);
    }

    #[test]
    fn case_34_a_line_cannot_be_broken_by_what_it_quotes() {
        let evil = "a\r\n{\"seq\":9}\u{1b}[31m\u{85}\u{2028}b";
        assert_eq!(plain(evil), "a\\u{d}\\u{a}{\"seq\":9}\\u{1b}[31m\\u{85}\\u{2028}b");
        assert_eq!(plain(&"é".repeat(9_999)).chars().count(), FIELD_CHARS_MAX);
        let printed = serde_json::to_string(&line(1, start(), evil)).unwrap();
        assert_eq!(printed.lines().count(), 1);
        assert!(!printed.contains('\u{1b}'));
    }
}
