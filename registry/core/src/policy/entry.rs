//! A policy as it is stored. It holds the digest of its text, which is a body, never the text.

use proto_types::{Digest, PolicyName, Revision};
use serde::{Deserialize, Serialize};

/// A policy of calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEntry {
    /// Its name.
    pub name: PolicyName,
    /// SHA-256 of its text.
    pub digest: Digest,
    /// How long its text is.
    pub bytes: u64,
    /// The revision that wrote this entry.
    pub revision: Revision,
}
