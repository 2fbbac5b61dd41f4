//! Signed notes: a text and the signatures under it (C2SP signed-note).
//!
//! Decides where the text ends and which lines are signatures. Must never hold a note that prints
//! otherwise than it was read.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longer notes are not read: a checkpoint is some 200 bytes and a signature a hundred.
pub const NOTE_BYTES_MAX: usize = 16 << 10;

/// The specification asks for at least 16; each costs a verification at most.
const SIGNATURES_MAX: usize = 64;

/// What a signature line starts with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// A text with signatures. Nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Who claims to have signed.
    pub name: String,
    /// Which key of that name.
    pub key_id: [u8; 4],
    /// The signature, as long as its kind demands.
    pub bytes: Vec<u8>,
}

/// Bytes that are no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than any note we make.
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8, or with control characters.
    #[error("the note is not a text of printable characters and line ends")]
    Text,
    /// No empty line between text and signatures.
    #[error("the note has no signatures after an empty line")]
    Unsigned,
    /// A signature line that is none.
    #[error("line {0} after the text is no signature line")]
    Signature(usize),
}

impl Note {
    /// A note without signatures yet; the text ends with a line end.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// Reads a note.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| Malformed::Text)?;
        if whole.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(Malformed::Text);
        }
        let end = whole.rfind("\n\n").ok_or(Malformed::Unsigned)?;
        let (text, under) = (&whole[..=end], &whole[end + 2..]);
        let under = under.strip_suffix('\n').ok_or(Malformed::Unsigned)?;
        let lines = under.split('\n').enumerate();
        let signatures = lines.map(|(at, line)| match at < SIGNATURES_MAX {
            true => NoteSignature::parse(line).ok_or(Malformed::Signature(at + 1)),
            false => Err(Malformed::TooLong),
        });
        Ok(Self { text: text.to_owned(), signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// What is signed, with its last line end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, in the place of an older one by the same key.
    pub fn add(&mut self, signature: NoteSignature) {
        let same = |other: &NoteSignature| {
            (other.key_id, &other.name) == (signature.key_id, &signature.name)
        };
        self.signatures.retain(|other| !same(other));
        self.signatures.push(signature);
    }
}

impl NoteSignature {
    /// Reads one line, without its end.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let raw = STANDARD.decode(encoded).ok()?;
        let (key_id, bytes) = raw.split_first_chunk::<4>()?;
        let whole = is_name(name) && !bytes.is_empty();
        whole.then(|| Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

/// What may name a key: no spaces, no plus sign, nothing at all is no name.
pub(super) fn is_name(name: &str) -> bool {
    let odd = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    !name.is_empty() && !name.contains(odd)
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = [self.key_id.as_slice(), &self.bytes].concat();
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(raw))
    }
}
