//! The commands about gateways. They carry hashes of credentials and join tokens, never these themselves.

use proto_types::{Digest, Endpoint, GatewayId};
use serde::{Deserialize, Serialize};

/// Registers a gateway, spending its join token; with the same credential again it updates the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterGateway {
    /// Its name.
    pub id: GatewayId,
    /// Where nodes push events to.
    pub endpoint: Endpoint,
    /// SHA-256 of its credential.
    pub credential: Digest,
    /// SHA-256 of its join token.
    pub join: Digest,
}
