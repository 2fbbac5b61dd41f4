//! The commands about the audit. Text from outside is never stored as it came.

use serde::{Deserialize, Serialize};

/// Adds a line to the audit. Texts are escaped and cut, not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Who did it.
    pub who: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// The request's id, if it has one.
    pub request_id: String,
}

/// Forgets lines of the audit that were exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruncateAudit {
    /// The last line that goes; at least one must stay.
    pub through: u64,
}
