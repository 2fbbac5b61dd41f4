//! The commands about policies; the operator's. They carry the digest of a text that was validated, never the text.

use proto_types::{Digest, PolicyName};
use serde::{Deserialize, Serialize};

/// Keeps a policy, or another text of it. The text is a body of the same proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPolicy {
    /// Its name.
    pub name: PolicyName,
    /// SHA-256 of its text.
    pub digest: Digest,
}

/// Forgets a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePolicy {
    /// Which.
    pub name: PolicyName,
}
