//! The provenance of an entry of another registry, as it is stored. It holds digests of bodies, never the bodies.

use proto_types::{Digest, Handle, Namespace, Origin, Revision, WallMs, words};
use serde::{Deserialize, Serialize};

/// Which kind of entry is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportKind {
    /// A record.
    Record,
    /// A card.
    Card,
}

words!(ImportKind { Record = "record", Card = "card" });

/// Where an entry came from. It outlasts the entry: a handle that its home has withdrawn is still
/// its home's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenanceEntry {
    /// Which kind of entry.
    pub kind: ImportKind,
    /// Its name.
    pub handle: Handle,
    /// The partner that gave it.
    pub partner: Namespace,
    /// The registry that is its authority.
    pub home: Origin,
    /// Its revision there: what decides which of two versions of one epoch is newer.
    pub home_revision: u64,
    /// The cluster epoch of its home that the revision is of: a restored home's word is newer than all of before.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub home_epoch: u64,
    /// How many registries it is away from home: 1 from its home itself.
    pub hops: u8,
    /// How many it may be.
    pub hops_max: u8,
    /// Its body; `None` once its home has withdrawn it.
    pub digest: Option<Digest>,
    /// When it was taken over, by the state machine's time.
    pub fetched_at: WallMs,
    /// The revision that took it over.
    pub revision: Revision,
}

impl ProvenanceEntry {
    /// Whether another registry may take it from us.
    #[must_use]
    pub const fn may_travel(&self) -> bool {
        self.hops < self.hops_max
    }

    /// How provenance is keyed.
    #[must_use]
    pub fn key_of(kind: ImportKind, handle: &Handle) -> String {
        format!("{}/{handle}", kind.as_str())
    }
}
