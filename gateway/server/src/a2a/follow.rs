//! Waiting for the end of a task.
//!
//! Decides when to ask the registry: when it reports a change, and now and then in case a report
//! was lost, or goes to another gateway. Must never wait without an end, nor for a caller that may not act any more.

use std::time::Duration;

use gateway_core::task_view::TaskView;
use gateway_core::{CallError, Caller, Failure};
use proto_wire::registry::v1 as wire;
use tokio::time::{Instant, timeout_at};

use crate::gateway::Gateway;
use crate::waiting::{Lasting, Waiter};

use super::task::{read, view};

/// How often the registry is asked although it has reported nothing. A lost report costs this much.
const ASK: Duration = Duration::from_secs(2);
/// After a report that was not of the end, as the member asked knows it: it may have lagged behind
/// the one that reported. And at first of a task whose changes are not reported here.
const ASK_SOON: Duration = Duration::from_millis(100);

/// When the registry is asked how a task is although it has reported nothing. It reports the changes of a task to the gateway
/// that the task names. Of another's, which was continued or canceled from here, it is asked soon, and then less and less often.
pub(super) struct Pace {
    is_reported: bool,
    step: Duration,
}

impl Pace {
    /// For a task as it is at first.
    pub(super) fn of(gateway: &Gateway, task: &TaskView) -> Self {
        Self::new(gateway.id.as_str(), &task.gateway)
    }

    fn new(own: &str, told: &str) -> Self {
        Self { is_reported: is_reported(own, told), step: ASK_SOON }
    }

    /// Takes notice of how the task is now.
    pub(super) fn note(&mut self, gateway: &Gateway, task: &TaskView) {
        self.is_reported = is_reported(gateway.id.as_str(), &task.gateway);
    }

    /// For how long it is not asked again, after it was because it had `reported` a change, or else without that.
    pub(super) fn pause(&mut self, reported: bool) -> Duration {
        if reported {
            return ASK_SOON;
        }
        if self.is_reported {
            return ASK;
        }
        let pause = self.step;
        self.step = (pause * 2).min(ASK);
        pause
    }
}

/// Whether the registry reports changes of a task here: to our `own` gateway, of one that names the gateway that is `told`. One
/// that names none is of an earlier version, and reported to all.
fn is_reported(own: &str, told: &str) -> bool {
    told.is_empty() || told == own
}

/// The task once it is over; `None` if that takes longer than `patience`, or until this gateway stops.
pub(super) async fn wait(
    gateway: &Gateway,
    caller: &Caller,
    task: &TaskView,
    waiter: Waiter,
    patience: Duration,
) -> Result<Option<TaskView>, Failure> {
    let end = Instant::now() + patience;
    let mut pace = Pace::of(gateway, task);
    let mut ask = Instant::now() + pace.pause(false);
    while Instant::now() < end {
        let reported = tokio::select! {
            reported = timeout_at(ask.min(end), waiter.changed.notified()) => reported.is_ok(),
            () = gateway.leaving() => return Ok(None),
        };
        gateway.check_lasting(caller, Lasting::Call)?;
        if let Some(now) = look(gateway, caller, task, reported).await? {
            let now = view(&now)?;
            if now.is_over() {
                return Ok(Some(now));
            }
            pace.note(gateway, &now);
        }
        ask = Instant::now() + pace.pause(reported);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reported_to_another_gateway_is_asked_for_soon_and_then_less_and_less_often() {
        let mut pace = Pace::new("g1", "g2");
        let mut pauses = |reported| pace.pause(reported).as_millis();
        for pause in [100, 200, 400] {
            assert_eq!(pauses(false), pause);
        }
        assert_eq!(pauses(true), 100, "who reported may be ahead of who was asked");
        for pause in [800, 1_600, 2_000, 2_000] {
            assert_eq!(pauses(false), pause);
        }
        for told in ["g1", ""] {
            let mut own = Pace::new("g1", told);
            let pauses = [false, true, false].map(|reported| own.pause(reported));
            assert_eq!(pauses, [ASK, ASK_SOON, ASK], "{told}");
        }
    }
}
