//! How many tasks each node holds, as the state says: counted once, then followed by effects, because a key takes a
//! microsecond to read (docs/decisions/0032). It must never count by more than keys, nor be more than a help: whoever decides
//! looks into the state.

use std::collections::BTreeMap;

use proto_types::{NodeId, Slots, TaskId};
use registry_api::Problem;
use registry_core::change::Effect;
use registry_core::query;
use registry_core::view::View;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

/// Tasks of one node that are counted: it has no more slots.
pub(super) const HELD_MAX: usize = Slots::MAX as usize;

/// The tasks of the nodes that were counted.
#[derive(Debug)]
pub(super) struct Counts {
    effects: broadcast::Receiver<Effect>,
    held: BTreeMap<NodeId, u32>,
    holder: BTreeMap<TaskId, NodeId>,
}

impl Counts {
    pub(super) fn new(effects: broadcast::Receiver<Effect>) -> Self {
        Self { effects, held: BTreeMap::new(), holder: BTreeMap::new() }
    }

    /// Counts anew from here on.
    pub(super) fn forget(&mut self) {
        self.held.clear();
        self.holder.clear();
    }

    /// Takes in what has happened. A view that is read afterwards must be taken afterwards: the same effects over again
    /// change nothing, but one that is missing in it would.
    pub(super) fn follow(&mut self) {
        loop {
            match self.effects.try_recv() {
                Ok(effect) => self.note(effect),
                Err(TryRecvError::Lagged(_)) => self.forget(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// How many tasks the node holds; `None` if it has to be counted and no more than `keys` are left to read, which is
    /// made less.
    pub(super) fn held(
        &mut self,
        view: &dyn View,
        node: &NodeId,
        keys: &mut usize,
    ) -> Result<Option<u32>, Problem> {
        if !self.held.contains_key(node) && *keys > 0 {
            let tasks = query::task_ids_of_node(view, node, HELD_MAX)?;
            *keys = keys.saturating_sub(tasks.len() + 1);
            self.held.insert(node.clone(), 0);
            tasks.into_iter().for_each(|task| self.assigned(task, node.clone()));
        }
        Ok(self.held.get(node).copied())
    }

    fn note(&mut self, effect: Effect) {
        match effect {
            Effect::TaskAssigned(task, node, _) => self.assigned(task, node),
            Effect::TaskEnded(task) | Effect::TaskPending(task) => self.left(&task),
            Effect::TaskCancelRequested(..) | Effect::EnvelopeReady(_) => {}
        }
    }

    fn assigned(&mut self, task: TaskId, node: NodeId) {
        self.left(&task);
        if let Some(held) = self.held.get_mut(&node) {
            *held += 1;
            self.holder.insert(task, node);
        }
    }

    fn left(&mut self, task: &TaskId) {
        let held = self.holder.remove(task).and_then(|node| self.held.get_mut(&node));
        if let Some(held) = held {
            *held -= 1;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::LeaseEpoch;
    use registry_core::view::Memory;

    use super::*;

    fn task(id: &str) -> TaskId {
        id.parse().unwrap()
    }

    fn node(id: &str) -> NodeId {
        id.parse().unwrap()
    }

    fn assigned(id: &str, to: &str) -> Effect {
        Effect::TaskAssigned(task(id), node(to), LeaseEpoch(1))
    }

    fn held(counts: &mut Counts, id: &str) -> Option<u32> {
        counts.follow();
        counts.held(&Memory::default(), &node(id), &mut 1).unwrap()
    }

    #[test]
    fn a_node_holds_what_was_assigned_to_it_and_has_not_left_it_since() {
        let effects = broadcast::Sender::new(8);
        let mut counts = Counts::new(effects.subscribe());
        assert_eq!((held(&mut counts, "n1"), held(&mut counts, "n2")), (Some(0), Some(0)));
        for (effect, expected) in [
            (assigned("t1", "n1"), (1, 0)),
            (assigned("t2", "n1"), (2, 0)),
            (assigned("t2", "n1"), (2, 0)),
            (assigned("t2", "n2"), (1, 1)),
            (Effect::TaskPending(task("t1")), (0, 1)),
            (Effect::TaskPending(task("t1")), (0, 1)),
            (assigned("t3", "n9"), (0, 1)),
            (Effect::TaskEnded(task("t2")), (0, 0)),
            (Effect::TaskEnded(task("t3")), (0, 0)),
        ] {
            effects.send(effect.clone()).unwrap();
            let found = (held(&mut counts, "n1"), held(&mut counts, "n2"));
            assert_eq!(found, (Some(expected.0), Some(expected.1)), "{effect:?}");
        }
    }

    #[test]
    fn a_count_that_has_missed_an_effect_begins_anew() {
        let effects = broadcast::Sender::new(2);
        let mut counts = Counts::new(effects.subscribe());
        held(&mut counts, "n1");
        for id in ["t1", "t2", "t3", "t4", "t5"] {
            effects.send(assigned(id, "n1")).unwrap();
        }
        assert_eq!(held(&mut counts, "n1"), Some(0), "as the state says, which has none");
    }

    #[test]
    fn no_more_is_counted_for_one_task_than_keys_are_left() {
        let effects = broadcast::Sender::new(1);
        let (mut counts, mut keys) = (Counts::new(effects.subscribe()), 1);
        let mut count = |id| counts.held(&Memory::default(), &node(id), &mut keys).unwrap();
        assert_eq!((count("n1"), count("n2"), count("n1")), (Some(0), None, Some(0)));
    }
}
