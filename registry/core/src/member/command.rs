//! The commands about members of the cluster. They change the state alone; consensus is changed after it.

use proto_types::Digest;
use serde::{Deserialize, Serialize};

/// Notes a member of the cluster before consensus hears of it. A number that was retired is refused for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmitMember {
    /// Its number, not 0.
    pub id: u64,
    /// Its base URL.
    pub address: String,
    /// SHA-256 of the join token it came with; `None` where an operator said so.
    pub join: Option<Digest>,
}

/// Notes that a member has left for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetireMember {
    /// Its number.
    pub id: u64,
}
