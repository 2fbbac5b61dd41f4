//! The command that forgets.

use proto_types::{Revision, WallMs};
use serde::{Deserialize, Serialize};

/// Forgets what nobody is to ask for any more, a bounded part of it; see `Reply::Compacted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compact {
    /// Changes up to this revision, which must exist.
    pub changes_through: Revision,
    /// Tasks that had ended at this time; it must be past.
    pub tasks_until: WallMs,
}
