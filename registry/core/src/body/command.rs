//! What may be asked about bodies.
//! Data only: no command states the digest of the bytes that it brings.

use serde::{Deserialize, Serialize};

/// Stores bytes under their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBody {
    /// At most 1 MiB.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}
