//! A member of the cluster as it is stored. The entry outlives the member, so that its number is never used again.

use proto_types::WallMs;
use serde::{Deserialize, Serialize};

/// A member that joined the cluster, or left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEntry {
    /// Its number.
    pub id: u64,
    /// Its base URL.
    pub address: String,
    /// Left for good.
    pub retired: bool,
    /// When this last changed.
    pub changed_at: WallMs,
}
