//! The keys of notes: Ed25519 of a log, and cosignature/v1 of a witness (C2SP signed-note and
//! tlog-cosignature).
//!
//! Decides a key's id and what its signature covers. Must never verify with a key by its id alone:
//! ids are four bytes, and collide.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::note::{Note, NoteSignature, is_name};
use crate::{Digest, PublicKey, SecretKey};

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The note's text, as a log does.
    Log,
    /// The text under a time, as a witness does.
    Witness,
}

/// A public key with its name: `<name>+<id>+<base64 of kind and key>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NoteKey {
    name: String,
    kind: Kind,
    key: PublicKey,
}

/// A secret key with its name.
#[derive(Debug)]
pub struct NoteSigner {
    key: NoteKey,
    secret: SecretKey,
}

/// A text that is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a note key is <name>+<8 hexadecimal digits>+<base64>, of Ed25519 or cosignature/v1")]
pub struct Malformed;

impl Kind {
    /// The signature type in ids and keys.
    const fn byte(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }
}

impl NoteKey {
    /// A key of this name.
    ///
    /// # Errors
    /// The name is empty, or has spaces or a plus sign.
    pub fn new(name: &str, kind: Kind, key: PublicKey) -> Result<Self, Malformed> {
        let named = is_name(name).then(|| Self { name: name.to_owned(), kind, key });
        named.ok_or(Malformed)
    }

    /// Reads the encoding that `Display` prints.
    ///
    /// # Errors
    /// Another form or kind, or an id that is not this key's.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (name, rest) = text.split_once('+').ok_or(Malformed)?;
        let (id, encoded) = rest.split_once('+').ok_or(Malformed)?;
        let raw = STANDARD.decode(encoded).map_err(|_| Malformed)?;
        let (kind, bytes) = raw.split_first().ok_or(Malformed)?;
        let kinds = [Kind::Log, Kind::Witness];
        let kind = kinds.into_iter().find(|known| known.byte() == *kind).ok_or(Malformed)?;
        let bytes = bytes.try_into().map_err(|_| Malformed)?;
        let key = PublicKey::from_bytes(bytes).map_err(|_| Malformed)?;
        let read = Self::new(name, kind, key)?;
        if hex::encode(read.id()) == id { Ok(read) } else { Err(Malformed) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first bytes of SHA-256 over name, line end, kind and key.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let kind = [self.kind.byte()];
        let hash = Digest::of_parts(&[self.name.as_bytes(), b"\n", &kind, self.key.as_bytes()]);
        let [a, b, c, d, ..] = hash.0;
        [a, b, c, d]
    }

    /// Whether the note has a line that claims to be by this key.
    #[must_use]
    pub fn claims(&self, note: &Note) -> bool {
        note.signatures().iter().any(|signature| self.named_by(signature))
    }

    /// Whether the note is signed by this key. A witness's time is given, in seconds; a log has
    /// none, which is 0.
    #[must_use]
    pub fn verified(&self, note: &Note) -> Option<u64> {
        let ours = note.signatures().iter().filter(|signature| self.named_by(signature));
        ours.into_iter().find_map(|signature| self.check(note.text(), &signature.bytes))
    }

    fn named_by(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.key_id == self.id()
    }

    fn check(&self, text: &str, bytes: &[u8]) -> Option<u64> {
        match self.kind {
            Kind::Log => self.key.verify(text.as_bytes(), bytes).ok().map(|()| 0),
            Kind::Witness => {
                let (time, signature) = bytes.split_first_chunk::<8>()?;
                let time_s = u64::from_be_bytes(*time);
                self.key.verify(cosigned(text, time_s).as_bytes(), signature).ok()?;
                Some(time_s)
            }
        }
    }
}

/// What a witness signs.
fn cosigned(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

impl NoteSigner {
    /// A signer of this name.
    ///
    /// # Errors
    /// As [`NoteKey::new`].
    pub fn new(name: &str, kind: Kind, secret: SecretKey) -> Result<Self, Malformed> {
        Ok(Self { key: NoteKey::new(name, kind, secret.public())?, secret })
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Signs a text; a witness does so at a time, in seconds, which a log has no use for.
    #[must_use]
    pub fn sign(&self, text: &str, time_s: u64) -> NoteSignature {
        let bytes = match self.key.kind {
            Kind::Log => self.secret.sign(text.as_bytes()).to_vec(),
            Kind::Witness => {
                let signature = self.secret.sign(cosigned(text, time_s).as_bytes());
                [time_s.to_be_bytes().as_slice(), &signature].concat()
            }
        };
        NoteSignature { name: self.key.name.clone(), key_id: self.key.id(), bytes }
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = [&[self.kind.byte()], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(raw))
    }
}

impl TryFrom<String> for NoteKey {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<NoteKey> for String {
    fn from(key: NoteKey) -> Self {
        key.to_string()
    }
}
