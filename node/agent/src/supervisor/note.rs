//! The notes that a task's background work sends back to the supervisor.

use std::sync::Arc;

use node_core::{Event, Outcome};
use node_wasm::Prepared;
use proto_types::{LeaseEpoch, TaskId};

use crate::outcome::Artifacts;

/// What background work tells the supervisor.
pub(crate) struct Note {
    /// Which task.
    pub(crate) task: TaskId,
    /// Under which epoch it was started: a note for another epoch is of no use.
    pub(crate) epoch: LeaseEpoch,
    /// What happened.
    pub(crate) news: News,
}

/// What happened.
pub(crate) enum News {
    /// For the core as it is.
    Event(Event),
    /// The artifact is ready.
    Prepared(Arc<Prepared>),
    /// The run ended.
    Ran(Outcome, Artifacts),
    /// The registry has committed the outcome.
    Committed,
}
