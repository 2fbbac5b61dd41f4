//! Gateways as they are stored.
//! Data only: it decides nothing, and must never hold a credential, only its digest.

use proto_types::{Digest, GatewayId, Revision};
use serde::{Deserialize, Serialize};

/// A gateway of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEntry {
    /// Its name.
    pub id: GatewayId,
    /// Where nodes push events to.
    pub endpoint: String,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// The revision that wrote this entry.
    pub revision: Revision,
}
