//! The terms of a document in packed form, which a search compares without an allocation. Terms are in order, and each
//! fits into a key.

use std::iter;

use proto_types::words;
use serde::{Deserialize, Serialize};

use super::words::TERM_BYTES_MAX;

/// Terms of one document at most: a bound on the keys that one entry writes.
pub const TERMS_MAX: usize = 224;

/// Bytes before the text of a packed term: kind, weight, open weight, length.
const HEAD: usize = 4;

/// What a term says of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TermKind {
    /// A word of its text.
    Word,
    /// The id or the name of a skill.
    Skill,
    /// A tag of a skill.
    Tag,
    /// A capability of a record; of a card, what of the protocol it does, and its extensions.
    Capability,
    /// A media type or modality that it takes or gives.
    Modality,
    /// A protocol binding of an interface.
    Binding,
}

words!(TermKind {
    Word = "word",
    Skill = "skill",
    Tag = "tag",
    Capability = "capability",
    Modality = "modality",
    Binding = "binding",
});

impl TermKind {
    /// Its byte in keys and packed terms.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Word => b'w',
            Self::Skill => b's',
            Self::Tag => b't',
            Self::Capability => b'c',
            Self::Modality => b'm',
            Self::Binding => b'p',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.byte() == byte)
    }
}

/// One term of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term<'a> {
    /// What it says.
    pub kind: TermKind,
    /// The term.
    pub text: &'a str,
    /// How much the document is about it, 1 to 255; 255 for what is no word.
    pub weight: u8,
    /// The same of its name and description alone: all that a redacted entry shows. 0 if they do not have it.
    pub open: u8,
}

/// The terms of a document: `kind | weight | open weight | length | text`, in the order of (kind, text).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Terms(#[serde(with = "serde_bytes")] Vec<u8>);

impl Terms {
    /// Packs terms, which must come in the order of (kind, text), each once.
    #[must_use]
    pub fn pack<'a>(terms: impl IntoIterator<Item = Term<'a>>) -> Self {
        let mut bytes = Vec::new();
        for term in terms {
            let len = u8::try_from(term.text.len())
                .expect("a term has at most 128 bytes: the builder cuts it");
            bytes.extend_from_slice(&[term.kind.byte(), term.weight, term.open, len]);
            bytes.extend_from_slice(term.text.as_bytes());
        }
        Self(bytes)
    }

    /// The terms, in order, up to the first that is not well formed.
    pub fn iter(&self) -> impl Iterator<Item = Term<'_>> {
        let mut rest = self.0.as_slice();
        iter::from_fn(move || {
            let (term, after) = split(rest)?;
            rest = after;
            Some(term)
        })
    }

    /// The term of this kind and text.
    #[must_use]
    pub fn find(&self, kind: TermKind, text: &str) -> Option<Term<'_>> {
        let (byte, len) = (kind.byte(), text.len());
        let mut rest = self.0.as_slice();
        while let [found, _, _, length, ..] = *rest {
            let end = HEAD + usize::from(length);
            if found == byte
                && usize::from(length) == len
                && rest.get(HEAD..end)? == text.as_bytes()
            {
                return split(rest).map(|(term, _)| term);
            }
            rest = rest.get(end..)?;
        }
        None
    }

    /// Why these bytes are not the terms of a document.
    ///
    /// # Errors
    /// A sentence for the refusal.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let place = |kind: TermKind| TermKind::ALL.iter().position(|known| *known == kind);
        let (mut bytes, mut last) = (0, None);
        for (count, term) in self.iter().enumerate() {
            let (key, len) = ((place(term.kind), term.text), term.text.len());
            if count >= TERMS_MAX {
                return Err("are more than 224");
            }
            if !(1..=TERM_BYTES_MAX).contains(&len)
                || term.text.contains(char::is_control)
                || term.weight == 0
            {
                return Err("have one that no key can hold");
            }
            if last.is_some_and(|last| last >= key) {
                return Err("are out of order");
            }
            bytes += HEAD + len;
            last = Some(key);
        }
        if bytes == self.0.len() { Ok(()) } else { Err("are not well formed") }
    }
}

fn split(bytes: &[u8]) -> Option<(Term<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (text, rest) = rest.split_at_checked(usize::from(head[3]))?;
    let text = std::str::from_utf8(text).ok()?;
    Some((Term { kind: TermKind::of(head[0])?, text, weight: head[1], open: head[2] }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(kind: TermKind, text: &str) -> Term<'_> {
        Term { kind, text, weight: 7, open: 0 }
    }

    #[test]
    fn packed_terms_are_found_again() {
        let all =
            [term(TermKind::Word, "ab"), term(TermKind::Word, "b"), term(TermKind::Tag, "ab")];
        let packed = Terms::pack(all);
        assert_eq!(packed.iter().collect::<Vec<_>>(), all);
        assert_eq!(packed.find(TermKind::Tag, "ab"), Some(all[2]));
        assert_eq!(packed.find(TermKind::Tag, "b"), None);
        assert_eq!(packed.find(TermKind::Word, "a"), None);
        assert_eq!(packed.check(), Ok(()));
    }

    #[test]
    fn what_is_not_packed_terms_is_refused() {
        let refused = |terms: &[Term<'_>]| Terms::pack(terms.iter().copied()).check().is_err();
        assert!(refused(&[term(TermKind::Tag, "a"), term(TermKind::Word, "a")]), "out of order");
        assert!(refused(&[term(TermKind::Tag, "a"), term(TermKind::Tag, "a")]), "twice");
        assert!(refused(&[term(TermKind::Tag, "")]) && refused(&[term(TermKind::Tag, "a\0")]));
        assert!(refused(&[term(TermKind::Tag, &"a".repeat(129))]));
        for broken in [&b"x\x01\x00\x01a"[..], b"t\x01\x00\x09a", b"t\x01", b"t\x01\x00\x01\xff"] {
            assert!(Terms(broken.to_vec()).check().is_err(), "{broken:?}");
            assert_eq!(Terms(broken.to_vec()).find(TermKind::Tag, "zz"), None);
        }
    }
}
