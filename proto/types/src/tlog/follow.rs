//! Whether to believe a checkpoint: by whom it is signed, and whether it continues the last one.
//!
//! Decides what is wrong with it, precisely enough to act on. Must never believe a checkpoint for a
//! part of its signatures: the log's and the demanded number of witnesses', or nothing.

use super::checkpoint::Checkpoint;
use super::key::NoteKey;
use super::note::{Malformed, Note};
use super::proof::{Invalid, verify_consistency};
use crate::Digest;

/// Whose signatures a checkpoint needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The key of the log.
    pub log: NoteKey,
    /// The witnesses that count; each once, whatever its keys.
    pub witnesses: Vec<NoteKey>,
    /// How many of them must have signed.
    pub quorum: usize,
}

/// A checkpoint that is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no note.
    #[error("the checkpoint is not a signed note")]
    Note(#[from] Malformed),
    /// The note is no checkpoint.
    #[error("the note is not a checkpoint")]
    Checkpoint(#[from] super::checkpoint::Malformed),
    /// No signature is by the log's key.
    #[error("the checkpoint is signed by unknown keys only: {}", found.join(", "))]
    UnknownKey {
        /// The names under it.
        found: Vec<String>,
    },
    /// There is one by the log's key, and it does not verify.
    #[error("the signature by {name} does not verify")]
    BadSignature {
        /// The log's name.
        name: String,
    },
    /// It speaks of another log than the key's.
    #[error("the checkpoint is of {found}, not of {expected}")]
    Origin {
        /// What it says.
        found: String,
        /// What the key says.
        expected: String,
    },
    /// Fewer witnesses have signed than the policy asks for.
    #[error("{found} of the {needed} needed witnesses have signed the checkpoint")]
    Unwitnessed {
        /// How many have.
        found: usize,
        /// How many must.
        needed: usize,
    },
}

/// A checkpoint that does not continue the one before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// It is of another log.
    #[error("the log was {old} and is {new}")]
    Origin {
        /// The log before.
        old: String,
        /// The log now.
        new: String,
    },
    /// The cluster says that it was restored less often than it has been.
    #[error("the epoch fell from {old} to {new}")]
    EpochFell {
        /// The epoch before.
        old: u64,
        /// The epoch now.
        new: u64,
    },
    /// The tree lost entries.
    #[error("the tree shrank from {old} to {new} entries{}", restored(*epochs))]
    Shrank {
        /// The size before.
        old: u64,
        /// The size now.
        new: u64,
        /// The epochs, before and now.
        epochs: (u64, u64),
    },
    /// Two roots for one size: the log has shown two histories.
    #[error("the root at {size} entries was {old} and is {new}: the log shows two histories")]
    Forked {
        /// The size of both.
        size: u64,
        /// The root before.
        old: Digest,
        /// The root now.
        new: Digest,
    },
    /// The old tree is not a prefix of the new one.
    #[error("the tree of {new} entries does not continue the one of {old}: {why}")]
    Inconsistent {
        /// The size before.
        old: u64,
        /// The size now.
        new: u64,
        /// What is wrong with the proof.
        why: Invalid,
    },
}

fn restored((old, new): (u64, u64)) -> String {
    match old == new {
        true => String::new(),
        false => format!("; the cluster was restored from a backup (epoch {old} to {new})"),
    }
}

impl Policy {
    /// A policy that asks for the log's signature alone.
    #[must_use]
    pub fn unwitnessed(log: NoteKey) -> Self {
        Self { log, witnesses: Vec::new(), quorum: 0 }
    }

    /// Reads a checkpoint and checks its signatures.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn check(&self, bytes: &[u8]) -> Result<(Note, Checkpoint), Refused> {
        let note = Note::parse(bytes)?;
        if !self.log.claims(&note) {
            let found = note.signatures().iter().map(|signature| signature.name.clone());
            return Err(Refused::UnknownKey { found: found.collect() });
        }
        if self.log.verified(&note).is_none() {
            return Err(Refused::BadSignature { name: self.log.name().to_owned() });
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != self.log.name() {
            let (found, expected) = (checkpoint.origin, self.log.name().to_owned());
            return Err(Refused::Origin { found, expected });
        }
        let found = self.witnessed(&note);
        if found < self.quorum {
            return Err(Refused::Unwitnessed { found, needed: self.quorum });
        }
        Ok((note, checkpoint))
    }

    /// How many witnesses have signed; two keys of one name are one witness.
    fn witnessed(&self, note: &Note) -> usize {
        let signed = self.witnesses.iter().filter(|witness| witness.verified(note).is_some());
        let mut names: Vec<&str> = signed.map(NoteKey::name).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }
}

/// Holds if `new` continues `old`. The proof is the one from the old size to the new.
///
/// # Errors
/// See [`Breach`].
pub fn follows(old: &Checkpoint, new: &Checkpoint, proof: &[Digest]) -> Result<(), Breach> {
    if old.origin != new.origin {
        return Err(Breach::Origin { old: old.origin.clone(), new: new.origin.clone() });
    }
    let epochs = (old.epoch(), new.epoch());
    if epochs.1 < epochs.0 {
        return Err(Breach::EpochFell { old: epochs.0, new: epochs.1 });
    }
    if new.size < old.size {
        return Err(Breach::Shrank { old: old.size, new: new.size, epochs });
    }
    if new.size == old.size && new.root != old.root {
        return Err(Breach::Forked { size: new.size, old: old.root, new: new.root });
    }
    verify_consistency(old.head(), new.head(), proof).map_err(|why| Breach::Inconsistent {
        old: old.size,
        new: new.size,
        why,
    })
}
