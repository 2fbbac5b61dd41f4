//! The command that sets the state's time back. The new time comes with the stamp.

use proto_types::WallMs;
use serde::{Deserialize, Serialize};

/// Brings the state's time back to that of a majority's clocks, where a version that followed one clock alone has
/// carried it ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetTime {
    /// The time now.
    pub to: WallMs,
}
