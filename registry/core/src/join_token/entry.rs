//! A join token as it is stored: its digest, never the token.

use proto_types::{Digest, WallMs, words};
use serde::{Deserialize, Serialize};

use crate::bound::DAY_MS;

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

impl JoinTokenEntry {
    /// How far ahead its end may be: an invitation that nobody took within a month was forgotten, or leaked.
    pub const AHEAD_MS_MAX: u64 = 30 * DAY_MS;
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

words!(JoinRole { Peer = "peer", Gateway = "gateway", Node = "node", Registry = "registry" });
