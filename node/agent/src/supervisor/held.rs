//! A task as the supervisor holds it: the pure core, and what its outputs need.

use std::sync::Arc;

use deploy_service::Shutdown;
use node_core::Task;
use node_wasm::Prepared;
use proto_types::MonoUs;
use proto_wire::registry::v1 as wire;
use tokio::sync::watch;

use crate::outcome::Artifacts;
use crate::work::Plan;

use super::report::Reporting;

/// One task and what its outputs need.
pub(crate) struct Held {
    /// The pure core.
    pub(crate) task: Task,
    /// As the leader sent it.
    pub(crate) assigned: wire::Assigned,
    /// What to run.
    pub(crate) plan: Plan,
    /// When its deadline is, by the clock that never goes back.
    pub(crate) deadline: MonoUs,
    /// When the core wants to look at the time.
    pub(crate) timer: Option<MonoUs>,
    /// True asks the guest to end.
    pub(crate) cancel: watch::Sender<bool>,
    /// Ends the guest wherever it is.
    pub(crate) stop: Shutdown,
    /// Once it is compiled.
    pub(crate) prepared: Option<Arc<Prepared>>,
    /// Once it ran.
    pub(crate) artifacts: Artifacts,
    /// While its outcome is reported.
    pub(crate) reporting: Option<Reporting>,
}

impl Held {
    /// A task that has just been admitted.
    pub(crate) fn new(task: Task, assigned: wire::Assigned, plan: Plan, deadline: MonoUs) -> Self {
        Self {
            task,
            assigned,
            plan,
            deadline,
            timer: None,
            cancel: watch::Sender::new(false),
            stop: Shutdown::new(),
            prepared: None,
            artifacts: Artifacts::default(),
            reporting: None,
        }
    }
}
