//! Join tokens as they are stored.
//! Data only: it decides nothing, and must never hold a token, only its digest.

use proto_types::{Digest, WallMs};
use serde::{Deserialize, Serialize};

/// A one-use invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinTokenEntry {
    /// SHA-256 of the token.
    pub hash: Digest,
    /// What it admits.
    pub role: JoinRole,
    /// When it is void.
    pub expires_at: WallMs,
    /// Who came in with it. It is kept, spent, until it expires, so that a repeated
    /// `IssueJoinToken` cannot bring it back to life.
    #[serde(default)]
    pub spent_by: Option<String>,
}

/// What a join token admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinRole {
    /// A peer.
    Peer,
    /// A gateway.
    Gateway,
    /// A node.
    Node,
    /// A member of the registry cluster.
    Registry,
}
