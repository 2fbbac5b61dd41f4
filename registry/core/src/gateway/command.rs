//! What may be asked about gateways.
//! Data only: it must never carry a credential or a join token, but their hashes.

use proto_types::{Digest, GatewayId};
use serde::{Deserialize, Serialize};

/// Registers a gateway, spending its join token; with the same credential again it updates the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterGateway {
    /// Its name.
    pub id: GatewayId,
    /// Where nodes push events to.
    pub endpoint: String,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// SHA-256 of its join token.
    pub join: Digest,
}
