//! An instance as it is stored. It holds the digest of its token, never the token.

use proto_types::{Digest, Origin, TenantKey, WallMs};
use serde::{Deserialize, Serialize};

/// An instance that may publish under handles of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceEntry {
    /// What its handles begin with.
    pub tenant: TenantKey,
    /// Where it is.
    pub origin: Origin,
    /// SHA-256 of its token's secret.
    pub token: Digest,
    /// When it was let in.
    pub created_at: WallMs,
}
