//! Whether a peer may act, as its owner and the operator say.
//!
//! Decides that the stricter word holds. Must never let one of both speak for the other.

use serde::{Deserialize, Serialize};

/// Whether somebody lets a peer act. The order is from the mildest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
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

/// What each of both says; the stricter one holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standings {
    /// What the owner says.
    pub owner: Standing,
    /// What the operator says.
    pub operator: Standing,
}

impl Standings {
    /// What holds.
    #[must_use]
    pub fn effective(self) -> Standing {
        self.owner.max(self.operator)
    }
}
