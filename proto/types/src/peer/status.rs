//! Whether a peer may act, as its owner and the operator say.
//!
//! Decides that the stricter word holds. Must never let one of both speak for the other.

use serde::{Deserialize, Serialize};

/// Whether somebody lets a peer act. The order is from the mildest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerStatus {
    /// It may act.
    #[default]
    Active,
    /// Not for now; its entries stay, marked.
    Suspended,
    /// Not ever again with these keys.
    Revoked,
    /// It has left; its name and history stay for ever.
    Tombstoned,
}

crate::words!(PeerStatus {
    Active = "active",
    Suspended = "suspended",
    Revoked = "revoked",
    Tombstoned = "tombstoned",
});

/// What each of both says; the stricter one holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatuses {
    /// What the owner says.
    pub owner: PeerStatus,
    /// What the operator says.
    pub operator: PeerStatus,
}

impl PeerStatuses {
    /// What holds.
    #[must_use]
    pub fn effective(self) -> PeerStatus {
        self.owner.max(self.operator)
    }
}
