//! The commands about tokens that count once. They carry the hash of a token, never the token.

use proto_types::{Digest, WallMs};
use serde::{Deserialize, Serialize};

/// Spends a token as a condition of the commands after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendToken {
    /// SHA-256 of (issuer, 0, jti).
    pub hash: Digest,
    /// Until when it must be remembered.
    pub until: WallMs,
}

/// Spends tokens, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendTokens {
    /// SHA-256 of (issuer, 0, jti), and until when it must be remembered; at most 1,024.
    pub entries: Vec<(Digest, WallMs)>,
}

/// Notes that tokens were used badly by who was given them: each once, and none that was spent before, since then
/// anybody may have used it. It does not spend them. Answered as `SpendTokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeTokens {
    /// As in `SpendTokens`; at most 1,024.
    pub entries: Vec<(Digest, WallMs)>,
}
