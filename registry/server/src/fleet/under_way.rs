//! Placements that are under way to the log, of the placer and of submissions: a slot is taken before the state says so. None
//! is counted for longer than its proposal is under way: whoever holds a [`Placement`] gives the slot back by dropping it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto_types::{NodeId, TaskId};
use tokio::sync::Notify;

/// The placements of this member that are not answered yet.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    counted: Arc<Mutex<Counted>>,
    /// The fleet's: a pass looks again.
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Counted {
    /// Slots that are taken.
    slots: BTreeMap<NodeId, BTreeSet<TaskId>>,
    /// Submissions that take none, and are about to wait.
    without: usize,
    /// Whether a task waits that could use a slot which is given back.
    is_awaited: bool,
}

/// One task's, until it is dropped.
#[derive(Debug)]
pub(super) struct Placement {
    task: TaskId,
    node: Option<NodeId>,
    /// Whether the placer does not have to hear of its end.
    is_quiet: bool,
    under_way: UnderWay,
}

impl UnderWay {
    pub(super) fn new(wake: Arc<Notify>) -> Self {
        Self { counted: Arc::default(), wake }
    }

    /// A proposal that gives the task to this node, or has it wait.
    pub(super) fn begin(&self, task: TaskId, node: Option<NodeId>) -> Placement {
        let mut counted = self.counted();
        match &node {
            Some(node) => {
                counted.slots.entry(node.clone()).or_default().insert(task.clone());
            }
            None => counted.without += 1,
        }
        drop(counted);
        Placement { task, node, is_quiet: false, under_way: self.clone() }
    }

    /// How many slots of the node are taken so.
    pub(super) fn at(&self, node: &NodeId) -> u32 {
        let tasks = self.counted().slots.get(node).map_or(0, BTreeSet::len);
        u32::try_from(tasks).unwrap_or(u32::MAX)
    }

    /// The tasks that take them, by node.
    pub(super) fn slots(&self) -> BTreeMap<NodeId, BTreeSet<TaskId>> {
        self.counted().slots.clone()
    }

    /// How many submissions take none.
    pub(super) fn without_slot(&self) -> usize {
        self.counted().without
    }

    /// Whether the placer wants to hear of each slot that is given back. One that was not used, because the submission was
    /// refused, has no effect that would tell it.
    pub(super) fn await_slots(&self, is_awaited: bool) {
        self.counted().is_awaited = is_awaited;
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Placement {
    /// Ends one of the placer's own. It knows what became of it, and would wake itself, over and over while the log takes
    /// nothing.
    pub(super) fn settle(mut self) {
        self.is_quiet = true;
    }
}

impl Drop for Placement {
    fn drop(&mut self) {
        let mut counted = self.under_way.counted();
        let Some(node) = &self.node else {
            counted.without = counted.without.saturating_sub(1);
            return;
        };
        if let Some(tasks) = counted.slots.get_mut(node) {
            tasks.remove(&self.task);
            if tasks.is_empty() {
                counted.slots.remove(node);
            }
        }
        if counted.is_awaited && !self.is_quiet {
            self.under_way.wake.notify_one();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn ids() -> (TaskId, NodeId) {
        ("t1".parse().unwrap(), "n1".parse().unwrap())
    }

    #[test]
    fn a_slot_is_taken_until_its_proposal_is_dropped() {
        let (under_way, (task, node)) = (UnderWay::new(Arc::default()), ids());
        let placement = under_way.begin(task.clone(), Some(node.clone()));
        let waits = under_way.begin("t2".parse().unwrap(), None);
        assert_eq!((under_way.at(&node), under_way.without_slot()), (1, 1));
        let slots = BTreeMap::from([(node.clone(), BTreeSet::from([task]))]);
        assert_eq!(under_way.slots(), slots);
        drop((placement, waits));
        assert_eq!((under_way.at(&node), under_way.without_slot()), (0, 0));
        assert!(under_way.slots().is_empty());
    }

    #[test]
    fn the_placer_hears_of_a_slot_that_is_given_back_if_it_waits_for_one() {
        for (awaited, expected) in [(false, None), (true, Some(()))] {
            let (wake, (task, node)) = (Arc::new(Notify::new()), ids());
            let under_way = UnderWay::new(Arc::clone(&wake));
            let placement = under_way.begin(task, Some(node));
            under_way.await_slots(awaited);
            drop(placement);
            assert_eq!(wake.notified().now_or_never(), expected);
        }
    }

    #[test]
    fn the_placer_does_not_wake_itself_with_a_slot_of_its_own_that_is_given_back() {
        let (wake, (task, node)) = (Arc::new(Notify::new()), ids());
        let under_way = UnderWay::new(Arc::clone(&wake));
        under_way.await_slots(true);
        under_way.begin(task, Some(node.clone())).settle();
        assert_eq!((under_way.at(&node), wake.notified().now_or_never()), (0, None));
    }
}
