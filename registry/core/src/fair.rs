//! Which waiting task is next: queues per agent, served fairly within a namespace and between namespaces.
//! Decides the order alone; must never let tasks that no node can run stand before those that one can, nor the many of
//! one agent before the few of another.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{Handle, Namespace, Revision, TaskId};

/// The tasks that wait for a node, a queue for each agent, the longest waiting first.
#[derive(Debug, Default)]
pub struct Waiting {
    queues: BTreeMap<Handle, Queue>,
    /// Up to which revision the state was read.
    pub read_through: Revision,
}

#[derive(Debug)]
struct Queue {
    namespace: Namespace,
    tasks: BTreeMap<Revision, TaskId>,
    /// No node offered what the agent needs when it was last tried.
    unplaceable: bool,
}

/// A waiting task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Who runs it.
    pub agent: Handle,
    /// The revision at which it came to wait.
    pub revision: Revision,
    /// Which one.
    pub task: TaskId,
}

/// How many tasks run now, of each namespace and each agent.
#[derive(Debug, Default)]
pub struct Load {
    namespaces: BTreeMap<Namespace, usize>,
    agents: BTreeMap<Handle, usize>,
}

impl Load {
    /// Counts a task that runs, or is to run.
    pub fn add(&mut self, namespace: &Namespace, agent: &Handle) {
        *self.namespaces.entry(namespace.clone()).or_default() += 1;
        *self.agents.entry(agent.clone()).or_default() += 1;
    }
}

impl Waiting {
    /// Puts a task into its agent's queue.
    pub fn add(&mut self, next: Next, namespace: &Namespace) {
        let queue = self.queues.entry(next.agent).or_insert_with(|| Queue {
            namespace: namespace.clone(),
            tasks: BTreeMap::new(),
            unplaceable: false,
        });
        queue.tasks.insert(next.revision, next.task);
    }

    /// The first task of the queue that is next, but for those of the agents that were passed over: first the namespaces
    /// and agents that have the fewest tasks running, last those that no node could run when they were tried.
    #[must_use]
    pub fn next(&self, load: &Load, passed: &BTreeSet<Handle>) -> Option<Next> {
        let running = |count: Option<&usize>| count.copied().unwrap_or_default();
        let queues = self.queues.iter().filter(|(agent, _)| !passed.contains(*agent));
        let (agent, queue) = queues.min_by_key(|(agent, queue)| {
            let namespace = running(load.namespaces.get(&queue.namespace));
            let oldest = queue.tasks.keys().next().copied();
            (queue.unplaceable, namespace, running(load.agents.get(*agent)), oldest)
        })?;
        let (revision, task) = queue.tasks.first_key_value()?;
        Some(Next { agent: agent.clone(), revision: *revision, task: task.clone() })
    }

    /// Takes a task out of its queue; the namespace of the queue.
    pub fn take(&mut self, next: &Next) -> Namespace {
        let Some(queue) = self.queues.get_mut(&next.agent) else { return Namespace::default() };
        queue.tasks.remove(&next.revision);
        let namespace = queue.namespace.clone();
        if queue.tasks.is_empty() {
            self.queues.remove(&next.agent);
        }
        namespace
    }

    /// Notes whether any node offers what an agent needs, free or not.
    pub fn tried(&mut self, agent: &Handle, placeable: bool) {
        if let Some(queue) = self.queues.get_mut(agent) {
            queue.unplaceable = !placeable;
        }
    }

    /// Begins anew if more than `bound` are in the queues: of so many the rest have ended, and are found so only when
    /// their turn comes, which it does not while every node is full. True if so; the state has to be read again.
    pub fn begin_anew_beyond(&mut self, bound: usize) -> bool {
        let beyond = self.queues.values().map(|queue| queue.tasks.len()).sum::<usize>() > bound;
        if beyond {
            *self = Self::default();
        }
        beyond
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn handle(name: &str) -> Handle {
        Handle::parse(&format!("{name}-agent")).unwrap()
    }

    fn namespace(name: &str) -> Namespace {
        Namespace::parse(name).unwrap()
    }

    /// Queues of (agent, namespace, how many), submitted one agent after the other.
    fn waiting(queues: &[(&str, &str, u64)]) -> Waiting {
        let mut waiting = Waiting::default();
        let mut revision = 0;
        for (agent, space, tasks) in queues {
            for _ in 0..*tasks {
                revision += 1;
                let task = TaskId::parse(&format!("t{revision}")).unwrap();
                let next = Next { agent: handle(agent), revision: Revision(revision), task };
                waiting.add(next, &namespace(space));
            }
        }
        waiting
    }

    /// The agents in the order in which their tasks are placed while there is room; those that no node can run are
    /// passed over, as the placer does.
    fn order(waiting: &mut Waiting, unplaceable: &[&str], room: usize) -> Vec<String> {
        let (mut load, mut passed, mut placed) = (Load::default(), BTreeSet::new(), Vec::new());
        while placed.len() < room {
            let Some(next) = waiting.next(&load, &passed) else { break };
            let name = next.agent.as_str().trim_end_matches("-agent").to_owned();
            let placeable = !unplaceable.contains(&name.as_str());
            waiting.tried(&next.agent, placeable);
            if !placeable {
                passed.insert(next.agent);
                continue;
            }
            let space = waiting.take(&next);
            load.add(&space, &next.agent);
            placed.push(name);
        }
        placed
    }

    #[test]
    fn tasks_that_cannot_be_placed_do_not_stand_before_those_that_can() {
        let mut queues = waiting(&[("stuck", "n1", 300), ("good", "n1", 2)]);
        assert_eq!(order(&mut queues, &["stuck"], 9), ["good", "good"]);
        let again = queues.next(&Load::default(), &BTreeSet::new()).unwrap();
        assert_eq!(again.agent, handle("stuck"), "they are tried again, last");
    }

    #[test]
    fn agents_and_namespaces_take_turns_whatever_one_of_them_has_waiting() {
        let mut queues = waiting(&[("many", "n1", 100), ("few", "n1", 1), ("other", "n2", 2)]);
        assert_eq!(order(&mut queues, &[], 6), ["many", "other", "few", "other", "many", "many"]);
    }

    #[test]
    fn queues_that_hold_more_than_can_wait_are_read_anew() {
        let mut queues = waiting(&[("one", "n1", 3), ("two", "n2", 2)]);
        queues.read_through = Revision(5);
        assert!(!queues.begin_anew_beyond(5));
        assert!(!queues.is_empty() && queues.read_through == Revision(5));
        assert!(queues.begin_anew_beyond(4));
        assert!(queues.is_empty() && queues.read_through == Revision(0));
    }

    #[test]
    fn within_a_queue_the_longest_waiting_is_first() {
        let queues = waiting(&[("one", "n1", 3)]);
        let next = queues.next(&Load::default(), &BTreeSet::new()).unwrap();
        assert_eq!((next.revision, next.task.as_str()), (Revision(1), "t1"));
    }
}
