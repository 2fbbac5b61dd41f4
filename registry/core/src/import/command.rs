//! The commands about entries of other registries. What follows from provenance is decided here, never taken from the
//! partner.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Kid, Namespace, Origin, WallMs};
use serde::{Deserialize, Serialize};

use crate::visibility::Visibility;

use super::entry::ImportKind;

/// An entry of another registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The partner that gave it; must be active.
    pub partner: Namespace,
    /// Record or card.
    pub kind: ImportKind,
    /// Its name.
    pub handle: Handle,
    /// The registry that is its authority.
    pub home: Origin,
    /// Its revision there; must exceed what is kept, but for an entry that is gone, or there again.
    pub home_revision: u64,
    /// The cluster epoch of its home.
    #[serde(default)]
    pub home_epoch: u64,
    /// How many registries it is away from home, counting to us: 1 from the home itself.
    pub hops: u8,
    /// How many it may be, as far as those before us agreed.
    pub hops_max: u8,
    /// What it is; `None` withdraws it.
    pub entry: Option<ImportedRecord>,
}

/// What an imported entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedRecord {
    /// Its body; must be stored (by a `PutBody` before it).
    pub digest: Digest,
    /// What its signature was found to be worth here.
    pub assurance: Assurance,
    /// The peer enrolled here whose key signed it.
    pub owner: Option<(Origin, Kid)>,
    /// Whether its home shows it to everybody.
    pub public: bool,
    /// `updatedAt` of a record. It is shown; nothing is decided by it.
    pub updated_at: WallMs,
    /// `validUntil` of a record.
    pub valid_until: Option<WallMs>,
    /// `ttlSecondsRecommended` of a record.
    pub ttl_s: Option<u64>,
    /// Where a record's card is; empty for a card.
    pub agent_card_url: String,
}

impl ImportedRecord {
    /// Who may see it here.
    pub(crate) const fn visibility(&self) -> Visibility {
        if self.public { Visibility::Public } else { Visibility::Federated }
    }
}
