//! What a log sends to a witness (C2SP tlog-witness, `add-checkpoint`).
//!
//! Decides the form of the request. Must never read more hashes than a proof can have.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::number;
use super::note::Note;
use super::tree::PROOF_HASHES_MAX;
use crate::Digest;

/// The media type of an answer that says how far the witness has followed.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// A checkpoint, and the proof that it continues the one that the witness signed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The size that the witness signed last; 0 if it never did.
    pub old: u64,
    /// The consistency proof; empty from 0.
    pub proof: Vec<Digest>,
    /// The checkpoint with the log's signature.
    pub note: Note,
}

/// Bytes that are no such request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line 1 is `old <size>`, then come up to 63 hashes, an empty line and a signed checkpoint")]
pub struct Malformed;

impl Submission {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let split = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or(Malformed)?;
        let (head, note) = (&bytes[..split], &bytes[split + 2..]);
        let head = std::str::from_utf8(head).map_err(|_| Malformed)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(number);
        let hashes: Vec<&str> = lines.take(PROOF_HASHES_MAX + 1).collect();
        if hashes.len() > PROOF_HASHES_MAX {
            return Err(Malformed);
        }
        let hash = |line: &&str| {
            let raw = STANDARD.decode(line).ok()?;
            Some(Digest(raw.try_into().ok()?))
        };
        let proof = hashes.iter().map(hash).collect::<Option<_>>();
        let note = Note::parse(note).map_err(|_| Malformed)?;
        Ok(Self { old: old.ok_or(Malformed)?, proof: proof.ok_or(Malformed)?, note })
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.note)
    }
}
