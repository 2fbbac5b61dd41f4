//! Transparency logs: the Merkle tree of RFC 6962 and the text formats of C2SP around it.
//!
//! Decides what a tree, a proof, a checkpoint and a cosignature are, and whether one follows another.
//! Must never accept a proof whose length or order differs from what the sizes demand, nor a
//! signature by a key that the caller did not name. Why it is ours and no library: see decision 17.

mod checkpoint;
mod fact;
mod follow;
mod frontier;
mod key;
mod note;
mod proof;
mod submission;
mod tile;
mod tree;

pub use self::checkpoint::{Checkpoint, Malformed as MalformedCheckpoint};
pub use self::fact::{Fact, Inclusion, audit_entry, audited, salt};
pub use self::follow::{Breach, Policy, Refused, follows};
pub use self::frontier::{Frontier, Torn};
pub use self::key::{Kind, NoteKey, NoteSigner};
pub use self::note::{Malformed as MalformedNote, NOTE_BYTES_MAX, Note, NoteSignature};
pub use self::proof::{Invalid, verify_consistency, verify_inclusion};
pub use self::submission::{Malformed as MalformedSubmission, SIZE_MEDIA_TYPE, Submission};
pub use self::tile::{
    BadBundle, ENTRY_BYTES_MAX, TILE_LEVEL_MAX, TILE_WIDTH, TilePath, entries, entry_bundle,
};
pub use self::tree::{PROOF_HASHES_MAX, Rows, consistency, inclusion, root};

use crate::Digest;

/// What a leaf's hash starts with (RFC 6962, section 2.1).
const LEAF: &[u8] = &[0];

/// What an inner node's hash starts with: no leaf can be taken for a node.
const NODE: &[u8] = &[1];

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::of_parts(&[LEAF, entry])
}

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[NODE, left.as_bytes(), right.as_bytes()])
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(b"")
}
