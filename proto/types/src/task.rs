//! The states of a task of a hosted agent, in the words of the registry. A2A's states are in [`a2a`](crate::a2a).

use serde::{Deserialize, Serialize};

/// The state of a task that waits for a node.
pub const PENDING: &str = "pending";

/// The state of a task that a node works on.
pub const ASSIGNED: &str = "assigned";

/// How a task ended. Its word is the state of the task since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskEnd {
    /// The agent finished.
    Completed,
    /// The agent or a limit ended it.
    Failed,
    /// Its caller ended it.
    Canceled,
    /// The agent would not take it.
    Rejected,
    /// The agent asks its caller for more: the next message continues the task, and until then nothing runs.
    InputRequired,
}

crate::words!(TaskEnd {
    Completed = "completed",
    Failed = "failed",
    Canceled = "canceled",
    Rejected = "rejected",
    InputRequired = "input-required",
});
