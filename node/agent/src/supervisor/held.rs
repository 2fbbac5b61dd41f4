//! A task as the supervisor holds it: the pure core, and what its outputs need. Of the gateways that follow a task before it
//! runs it keeps those that asked last.

use std::collections::VecDeque;
use std::sync::Arc;

use deploy_service::Shutdown;
use deploy_service::trace::Span;
use node_core::Task;
use node_wasm::Prepared;
use proto_types::MonoUs;
use proto_wire::registry::v1 as wire;
use tokio::sync::{mpsc, watch};

use crate::outcome::Artifacts;
use crate::push::{Follower, TARGETS_MAX};
use crate::work::Plan;

use super::report::Reporting;

/// One task and what its outputs need.
pub(crate) struct Held {
    /// The pure core.
    pub(crate) task: Task,
    /// As the leader sent it.
    pub(crate) assigned: wire::Assigned,
    /// All that is done for it here, in the trace of who asked for it.
    pub(crate) span: Span,
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
    /// Where its events go too.
    pub(crate) follows: Follows,
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
        let span = Span::consumer("task", &assigned.traceparent);
        if span.is_recording() {
            span.set("ecumene.task", assigned.task.clone());
            let agent = assigned.agent.as_ref().map(|agent| agent.handle.clone());
            span.set("ecumene.agent", agent.unwrap_or_default());
        }
        Self {
            task,
            assigned,
            span,
            plan,
            deadline,
            timer: None,
            cancel: watch::Sender::new(false),
            stop: Shutdown::new(),
            follows: Follows::Waiting(VecDeque::new()),
            prepared: None,
            artifacts: Artifacts::default(),
            reporting: None,
        }
    }
}

/// Further gateways that want the events of a run.
#[derive(Debug)]
pub(crate) enum Follows {
    /// Until it begins, no more than it pushes to: the one that asked first is dropped for one too many.
    Waiting(VecDeque<Follower>),
    /// Names them to it.
    Running(mpsc::Sender<Follower>),
}

impl Follows {
    /// One more; false if the run takes it no more.
    pub(crate) fn add(&mut self, follower: Follower) -> bool {
        let waiting = match self {
            Self::Running(run) => return run.try_send(follower).is_ok(),
            Self::Waiting(waiting) => waiting,
        };
        if waiting.iter().all(|known| known.to != follower.to) {
            if waiting.len() == TARGETS_MAX {
                waiting.pop_front();
            }
            waiting.push_back(follower);
        }
        true
    }

    /// The run begins: it gets those that wait, and all that come from now on.
    pub(crate) fn begin(&mut self) -> mpsc::Receiver<Follower> {
        let (run, follows) = mpsc::channel(TARGETS_MAX);
        if let Self::Waiting(waiting) = std::mem::replace(self, Self::Running(run)) {
            for follower in waiting {
                self.add(follower);
            }
        }
        follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follower(secret: &str) -> Follower {
        let to = wire::ReplyTo { secret: secret.to_owned(), ..wire::ReplyTo::default() };
        Follower { to, after: None }
    }

    /// Caught: the newest gateway is dropped, and one that asks twice takes the place of another.
    #[test]
    fn of_the_gateways_that_ask_before_a_run_begins_it_gets_those_that_asked_last() {
        let mut follows = Follows::Waiting(VecDeque::new());
        let names: Vec<_> = (0..=TARGETS_MAX).map(|number| number.to_string()).collect();
        for name in names.iter().chain(&names[1..]) {
            assert!(follows.add(follower(name)));
        }
        let mut run = follows.begin();
        let taken = || run.try_recv().ok().map(|taken| taken.to.secret);
        assert_eq!(std::iter::from_fn(taken).collect::<Vec<_>>(), names[1..]);
        assert!(follows.add(follower("later")));
        assert_eq!(run.try_recv().map(|taken| taken.to.secret), Ok("later".to_owned()));
        drop(run);
        assert!(!follows.add(follower("late")));
    }
}
