//! A directory record as it is stored. It holds digests of its bodies, never the bodies.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Namespace, Origin, Revision, WallMs};
use serde::{Deserialize, Serialize};

use crate::namespace::entry::Usage;
use crate::visibility::{Scope, Scoped, Visibility};

/// A directory record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordEntry {
    /// Its name.
    pub handle: Handle,
    /// Its body, kept byte for byte; `None` once deleted (the tombstone).
    pub digest: Option<Digest>,
    /// `updatedAt` of the document, in ms.
    pub updated_at: WallMs,
    /// `validUntil`, if stated.
    pub valid_until: Option<WallMs>,
    /// `ttlSecondsRecommended`, if stated.
    pub ttl_s: Option<u64>,
    /// Where the card is.
    pub agent_card_url: String,
    /// What its proof is worth.
    pub assurance: Assurance,
    /// The owning peer, if enrolled.
    pub owner: Option<Origin>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Whose it is to administrate; decided by the handle.
    #[serde(default)]
    pub namespace: Namespace,
    /// How long its body is.
    #[serde(default)]
    pub bytes: u64,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

impl Scoped for RecordEntry {
    fn scope(&self) -> Scope {
        let (visibility, namespace) = (self.visibility, self.namespace.clone());
        Scope { visibility, namespace, owner: self.owner.clone() }
    }
}

impl RecordEntry {
    /// What it takes of its namespace; a tombstone takes nothing.
    pub(crate) fn usage(&self) -> Usage {
        match self.digest {
            Some(_) => Usage { records: 1, bytes: self.bytes, ..Usage::default() },
            None => Usage::default(),
        }
    }
}
