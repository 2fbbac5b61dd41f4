//! Waiting for the end of a task.
//!
//! Decides when to ask the registry: when it reports a change, and now and then in case a report
//! was lost. Must never wait without an end, nor for a caller that may not act any more.

use std::time::Duration;

use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Caller, Failure};
use proto_wire::registry::v1 as wire;
use tokio::time::{Instant, timeout_at};

use crate::gateway::Gateway;
use crate::waiting::Waiter;

use super::{read, view};

/// How often the registry is asked although it has reported nothing. A lost report costs this much.
pub(super) const ASK: Duration = Duration::from_secs(2);
/// After a report that was not of the end, as the member asked knows it: it may have lagged behind
/// the one that reported.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The task once it is over; `None` if that takes longer than `patience`.
pub(super) async fn wait(
    gateway: &Gateway,
    caller: &Caller,
    task: &TaskView,
    waiter: Waiter,
    patience: Duration,
) -> Result<Option<TaskView>, Failure> {
    let end = Instant::now() + patience;
    let mut ask = Instant::now() + ASK;
    while Instant::now() < end {
        let reported = timeout_at(ask.min(end), waiter.changed.notified()).await.is_ok();
        gateway.check_caller(caller)?;
        let now = look(gateway, caller, task, reported).await?;
        let now = now.as_ref().map(view).transpose()?;
        if let Some(ended) = now.filter(TaskView::is_over) {
            return Ok(Some(ended));
        }
        ask = Instant::now() + if reported { ASK_AGAIN } else { ASK };
    }
    Ok(None)
}

/// The task as it is now. After a report a stale read does: the member that reported has applied
/// the change. A registry that is away for a moment has nothing to say; it is asked again. What a member says that has
/// not heard of `task` as it was submitted is of an earlier turn, and is passed over.
pub(super) async fn look(
    gateway: &Gateway,
    caller: &Caller,
    task: &TaskView,
    reported: bool,
) -> Result<Option<wire::Task>, Failure> {
    let consistency = if reported { wire::Consistency::Stale } else { wire::Consistency::Strong };
    match read(gateway, caller, &task.id, consistency).await {
        Ok(now) if now.revision < task.revision.0 => Ok(None),
        Ok(now) => Ok(Some(now)),
        // A stale member may not have heard of the task at all.
        Err(Failure::Call(CallError::TaskNotFound)) if reported => Ok(None),
        // Its share of the registry is the gateway's, and no fault of the caller's.
        Err(Failure::RegistryAway | Failure::Overloaded | Failure::ShareReached) => Ok(None),
        Err(failure) => Err(failure),
    }
}
