//! What may be asked about join tokens.
//! Data only: it must never carry a token, but its hash.

use proto_types::{Digest, WallMs};
use serde::{Deserialize, Serialize};

use super::entry::JoinRole;

/// Makes a join token known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueJoinToken {
    /// SHA-256 of the token.
    pub hash: Digest,
    /// What it admits.
    pub role: JoinRole,
    /// When it is void; at most 30 days ahead.
    pub expires_at: WallMs,
}
