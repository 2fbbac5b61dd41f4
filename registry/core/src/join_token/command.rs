//! The commands about join tokens. They carry the hash of a token, never the token.

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
