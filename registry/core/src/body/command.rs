//! The command that stores a body. It carries the bytes and no digest of them.

use serde::{Deserialize, Serialize};

/// Stores bytes under their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBody {
    /// At most 1 MiB.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}
