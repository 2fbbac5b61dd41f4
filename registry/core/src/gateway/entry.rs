//! A gateway as it is stored. It holds the digest of its credential, never the credential.

use proto_types::{Digest, Endpoint, GatewayId, Revision};
use serde::{Deserialize, Serialize};

/// A gateway of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEntry {
    /// Its name.
    pub id: GatewayId,
    /// Where nodes push events to.
    pub endpoint: Endpoint,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// The revision that wrote this entry.
    pub revision: Revision,
}
