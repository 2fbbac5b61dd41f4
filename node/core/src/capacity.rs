//! What a node has measured that it can do.
//!
//! Must never infer capacity: it is what a driver saw when it really ran something.

use proto_types::IsolationClass;
use serde::{Deserialize, Serialize};

/// What one driver offers, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// The class that was measured.
    pub class: IsolationClass,
    /// Tasks at the same time.
    pub slots: u32,
    /// Memory for all of them together, in bytes.
    pub memory_bytes: u64,
    /// Empty tasks a second, all workers together, in the measurement.
    pub runs_per_second: u64,
}
