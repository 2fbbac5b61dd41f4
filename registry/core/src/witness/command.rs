//! The command about logs that are witnessed. It never carries a key.

use proto_types::Digest;
use serde::{Deserialize, Serialize};

/// Remembers the head of another log that this cluster signs as its witness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Which log.
    pub origin: String,
    /// The head that was signed last: size and root; the empty tree at first.
    pub from: (u64, Digest),
    /// The head that is signed now, which was proven to continue it.
    pub to: (u64, Digest),
    /// The cluster epoch of both. Absent in earlier logs: then it is the one that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// Another log has begun a cluster epoch, which it has signed: what it was before does not bind it, and is never
/// signed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessEpoch {
    /// Which log.
    pub origin: String,
    /// Its epoch; higher than before.
    pub epoch: u64,
}
