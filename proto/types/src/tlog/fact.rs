//! What the leaves of our log say, blinded: facts of the directory, and heads of the audit.
//!
//! Decides the bytes of a leaf. Must never let a leaf be guessed: everybody may read the log, and
//! not everybody may know what the directory holds. The salt goes to who may read the document.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What the commitment to a fact starts with.
const FACT_DOMAIN: &[u8] = b"ecumene/log-fact\0";

/// What a salt is made from, before the seed and the place.
const SALT_DOMAIN: &[u8] = b"ecumene/log-salt\0";

/// The first byte of a leaf that commits to a fact.
const FACT: u8 = 1;

/// The first byte of a leaf that holds the audit's head.
const AUDIT: u8 = 2;

/// One change of the directory. Its canonical form is its JSON: the members stand in the order of
/// RFC 8785, and so do those of others who write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fact {
    /// The time of the state machine.
    pub at_ms: u64,
    /// True if the thing is gone.
    pub deleted: bool,
    /// The document, or the statement about the thing; none once it is gone.
    pub digest: Option<Digest>,
    /// Which one.
    pub id: String,
    /// Which kind of thing: `peer`, `record`, `card`, `agent`, `namespace`.
    pub kind: String,
    /// The revision that brought it about.
    pub revision: u64,
}

impl Fact {
    /// A fact whose time is not known yet.
    #[must_use]
    pub fn new(kind: &str, id: &str, digest: Option<Digest>, revision: u64) -> Self {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        Self { at_ms: 0, deleted: digest.is_none(), digest, id, kind, revision }
    }

    /// The leaf that commits to it.
    #[must_use]
    pub fn entry(&self, salt: &Digest) -> Vec<u8> {
        let commitment = Digest::of_parts(&[FACT_DOMAIN, salt.as_bytes(), &self.canonical()]);
        [&[FACT], commitment.as_bytes().as_slice()].concat()
    }

    fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers below 2^53 and a boolean print as JSON")
    }
}

/// The salt of the leaf at a place, from the secret seed of the log.
#[must_use]
pub fn salt(seed: &Digest, index: u64) -> Digest {
    Digest::of_parts(&[SALT_DOMAIN, seed.as_bytes(), &index.to_be_bytes()])
}

/// The leaf that holds the audit's head: how many lines, and the digest of the last.
#[must_use]
pub fn audit_entry(lines: u64, head: &Digest) -> Vec<u8> {
    [&[AUDIT], lines.to_be_bytes().as_slice(), head.as_bytes()].concat()
}

/// What a leaf says of the audit, if it is one of these.
#[must_use]
pub fn audited(entry: &[u8]) -> Option<(u64, Digest)> {
    let (lines, head) = entry.strip_prefix(&[AUDIT])?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*lines), Digest(head.try_into().ok()?)))
}

/// That a fact is in the log: everything that a reader of the document needs beside a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inclusion {
    /// What the log holds.
    pub fact: Fact,
    /// What it was blinded with.
    pub salt: Digest,
    /// Where it stands.
    pub index: u64,
    /// The size of the tree that the path leads to.
    pub size: u64,
    /// The audit path, from the leaf up.
    pub path: Vec<Digest>,
}

impl Inclusion {
    /// Holds if the fact is in the tree of this size and root.
    ///
    /// # Errors
    /// [`super::Invalid`], with the first reason.
    pub fn verify(&self, (size, root): (u64, &Digest)) -> Result<(), super::Invalid> {
        if self.size != size {
            return Err(super::Invalid::Sizes);
        }
        let leaf = super::leaf_hash(&self.fact.entry(&self.salt));
        super::verify_inclusion(&leaf, self.index, (size, root), &self.path)
    }
}
