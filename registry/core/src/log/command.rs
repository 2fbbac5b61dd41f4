//! The commands about the transparency log. They never carry a key.

use proto_types::Digest;
use serde::{Deserialize, Serialize};

/// Opens the transparency log; repeating it changes nothing. What was written before has no leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLog {
    /// 32 random bytes that blind the leaves.
    pub seed: Digest,
}
