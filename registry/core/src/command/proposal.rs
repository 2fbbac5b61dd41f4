//! What one client asks for at once.
//! Data only.

use serde::{Deserialize, Serialize};

use super::Command;

/// Commands that are decided and committed together: if one is refused, none of them writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// In order; each sees what those before it wrote. At most 16.
    pub commands: Vec<Command>,
}
