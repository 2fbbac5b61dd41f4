//! The commands about instances. They carry the hash of a token's secret, never the token.

use proto_types::{Digest, Origin, TenantKey};
use serde::{Deserialize, Serialize};

/// A command about an instance; the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceCommand {
    /// Lets one in.
    Create(CreateInstance),
    /// Ends its token; what it has published stays.
    Remove(RemoveInstance),
}

/// Lets an instance in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateInstance {
    /// What its handles begin with; must be free.
    pub tenant: TenantKey,
    /// Where it is.
    pub origin: Origin,
    /// SHA-256 of its token's secret.
    pub token: Digest,
}

/// Ends an instance's token; what it has published stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveInstance {
    /// Which.
    pub tenant: TenantKey,
}
