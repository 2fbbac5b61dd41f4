//! The order of waiting tasks: namespaces take turns, then the agents of one, then the owners of one agent's tasks. Tasks
//! that no node can run never hold up one that a node can run, nor do many tasks of one agent or owner hold up the few of
//! another.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{Handle, Namespace, Revision, TaskId};

/// The tasks that wait for a node, by namespace, agent and owner, the longest waiting first.
#[derive(Debug, Default)]
pub struct Waiting {
    spaces: BTreeMap<Namespace, Space>,
    tasks: usize,
    /// Those of them that no node could run when their queue was last tried.
    unplaceable: usize,
    /// How often all were to be tried again.
    round: u64,
    /// The newest turn.
    turn: Turn,
    /// Up to which revision the state was read.
    pub read_through: Revision,
}

/// Rises with each task that comes to wait and each that is placed. The lowest is of who came to wait, or was served, the
/// longest ago.
type Turn = u64;

#[derive(Debug)]
struct Space {
    turn: Turn,
    queues: BTreeMap<Handle, Queue>,
}

/// What waits for one agent.
#[derive(Debug)]
struct Queue {
    turn: Turn,
    /// No node offered what the agent needs when it was last tried.
    unplaceable: bool,
    lines: BTreeMap<Turn, Line>,
    /// The turn of each owner's line.
    turns: BTreeMap<String, Turn>,
}

/// What waits of one owner for one agent; never empty.
#[derive(Debug)]
struct Line {
    owner: String,
    tasks: BTreeMap<Revision, TaskId>,
}

/// A waiting task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The namespace of its agent.
    pub namespace: Namespace,
    /// Who runs it.
    pub agent: Handle,
    /// Whose it is.
    pub owner: String,
    /// The revision at which it came to wait.
    pub revision: Revision,
    /// Which one.
    pub task: TaskId,
}

/// How many tasks run now, of each namespace, of each agent, and of each owner at an agent.
#[derive(Debug, Default)]
pub struct Load {
    namespaces: BTreeMap<Namespace, usize>,
    agents: BTreeMap<Handle, AgentLoad>,
}

#[derive(Debug, Default)]
struct AgentLoad {
    tasks: usize,
    owners: BTreeMap<String, usize>,
}

impl Load {
    /// Counts a task that runs, or is to run.
    pub fn add(&mut self, namespace: &Namespace, agent: &Handle, owner: &str) {
        *self.namespaces.entry(namespace.clone()).or_default() += 1;
        let agent = self.agents.entry(agent.clone()).or_default();
        agent.tasks += 1;
        *agent.owners.entry(owner.to_owned()).or_default() += 1;
    }

    fn of_namespace(&self, namespace: &Namespace) -> usize {
        self.namespaces.get(namespace).copied().unwrap_or_default()
    }

    fn of_agent(&self, agent: &Handle) -> usize {
        self.agents.get(agent).map_or(0, |agent| agent.tasks)
    }

    fn of_owner(&self, agent: &Handle, owner: &str) -> usize {
        let owners = self.agents.get(agent).map(|agent| &agent.owners);
        owners.and_then(|owners| owners.get(owner)).copied().unwrap_or_default()
    }
}

impl Waiting {
    /// Puts a task into its owner's line at its agent.
    pub fn add(&mut self, next: Next) {
        self.turn += 1;
        let turn = self.turn;
        let space = self.spaces.entry(next.namespace);
        let space = space.or_insert_with(|| Space { turn, queues: BTreeMap::new() });
        let queue = space.queues.entry(next.agent).or_insert_with(|| Queue::new(turn));
        let unplaceable = queue.unplaceable;
        let line = queue.line(next.owner, turn);
        if line.tasks.insert(next.revision, next.task).is_none() {
            self.tasks += 1;
            self.unplaceable += usize::from(unplaceable);
        }
    }

    /// The task that is next, but for those of the agents that were passed over: of the namespace, in it the agent, and of
    /// that the owner, that has the fewest tasks running and then the lowest turn; last of agents that no node could run.
    #[must_use]
    pub fn next(&self, load: &Load, passed: &BTreeSet<Handle>) -> Option<Next> {
        let queues = self.spaces.iter().flat_map(|(namespace, space)| {
            let of_space = (load.of_namespace(namespace), space.turn);
            space.queues.iter().map(move |(agent, queue)| (of_space, namespace, agent, queue))
        });
        let open = queues.filter(|(_, _, agent, _)| !passed.contains(*agent));
        let (_, namespace, agent, queue) = open.min_by_key(|(of_space, _, agent, queue)| {
            (queue.unplaceable, *of_space, load.of_agent(agent), queue.turn)
        })?;
        let line = queue.next(|owner| load.of_owner(agent, owner))?;
        let (revision, task) = line.tasks.first_key_value()?;
        Some(Next {
            namespace: namespace.clone(),
            agent: agent.clone(),
            owner: line.owner.clone(),
            revision: *revision,
            task: task.clone(),
        })
    }

    /// Takes out a task that is placed: the turn of its namespace, agent and owner is over.
    pub fn take(&mut self, next: &Next) {
        self.turn += 1;
        if let Some(space) = self.spaces.get_mut(&next.namespace) {
            space.turn = self.turn;
            if let Some(queue) = space.queues.get_mut(&next.agent) {
                queue.end_turn(&next.owner, self.turn);
            }
        }
        self.remove(next);
    }

    /// Takes out a task that does not wait any more; that was nobody's turn.
    pub fn remove(&mut self, next: &Next) {
        let Some(space) = self.spaces.get_mut(&next.namespace) else { return };
        let Some(queue) = space.queues.get_mut(&next.agent) else { return };
        if queue.remove(next) {
            self.tasks -= 1;
            self.unplaceable -= usize::from(queue.unplaceable);
        }
        if queue.lines.is_empty() {
            space.queues.remove(&next.agent);
        }
        if space.queues.is_empty() {
            self.spaces.remove(&next.namespace);
        }
    }

    /// To be asked before the nodes are read by which tasks are tried.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round
    }

    /// A node has come or is back: what none could run counts as placeable until it is tried again.
    pub fn try_all(&mut self) {
        self.round += 1;
        self.unplaceable = 0;
        for queue in self.spaces.values_mut().flat_map(|space| space.queues.values_mut()) {
            queue.unplaceable = false;
        }
    }

    /// Notes whether any node offers what the agent of a task needs, free or not. That none did in an earlier round says
    /// nothing of the node that has come since.
    pub fn tried(&mut self, next: &Next, placeable: bool, round: u64) {
        if !placeable && round != self.round {
            return;
        }
        let space = self.spaces.get_mut(&next.namespace);
        let Some(queue) = space.and_then(|space| space.queues.get_mut(&next.agent)) else { return };
        if queue.unplaceable == placeable {
            queue.unplaceable = !placeable;
            match placeable {
                true => self.unplaceable -= queue.tasks(),
                false => self.unplaceable += queue.tasks(),
            }
        }
    }

    /// Begins anew if more than `bound` are in the queues: of so many the rest have ended, and are found so only when
    /// their turn comes, which it does not while every node is full. True if so; the state has to be read again.
    pub fn begin_anew_beyond(&mut self, bound: usize) -> bool {
        let beyond = self.tasks > bound;
        if beyond {
            *self = Self::default();
        }
        beyond
    }

    /// How many wait that a node could run, as far as was tried.
    #[must_use]
    pub fn placeable(&self) -> usize {
        self.tasks - self.unplaceable
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spaces.is_empty()
    }
}

impl Queue {
    fn new(turn: Turn) -> Self {
        Self { turn, unplaceable: false, lines: BTreeMap::new(), turns: BTreeMap::new() }
    }

    /// The line of an owner. A new one joins behind the others, so that whoever has one task waiting at a time, and is
    /// new each time, is not served before those that have many.
    fn line(&mut self, owner: String, turn: Turn) -> &mut Line {
        let turn = *self.turns.entry(owner.clone()).or_insert(turn);
        self.lines.entry(turn).or_insert_with(|| Line { owner, tasks: BTreeMap::new() })
    }

    /// The line of the owner that is next. Looks only at owners that have tasks running, and at one more, however many wait.
    fn next(&self, running: impl Fn(&str) -> usize) -> Option<&Line> {
        let idle = self.lines.values().find(|line| running(&line.owner) == 0);
        // Of equals the first: the one with the lowest turn.
        idle.or_else(|| self.lines.values().min_by_key(|line| running(&line.owner)))
    }

    fn tasks(&self) -> usize {
        self.lines.values().map(|line| line.tasks.len()).sum()
    }

    fn end_turn(&mut self, owner: &str, turn: Turn) {
        self.turn = turn;
        let Some(kept) = self.turns.get_mut(owner) else { return };
        let before = std::mem::replace(kept, turn);
        if let Some(line) = self.lines.remove(&before) {
            self.lines.insert(turn, line);
        }
    }

    /// True if the task was there.
    fn remove(&mut self, next: &Next) -> bool {
        let Some(turn) = self.turns.get(&next.owner).copied() else { return false };
        let Some(line) = self.lines.get_mut(&turn) else { return false };
        let removed = line.tasks.remove(&next.revision).is_some();
        if line.tasks.is_empty() {
            self.lines.remove(&turn);
            self.turns.remove(&next.owner);
        }
        removed
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    fn handle(name: &str) -> Handle {
        Handle::parse(&format!("{name}-agent")).unwrap()
    }

    fn next(revision: u64, agent: &str, space: &str, owner: &str) -> Next {
        Next {
            namespace: Namespace::parse(space).unwrap(),
            agent: handle(agent),
            owner: owner.to_owned(),
            revision: Revision(revision),
            task: TaskId::parse(&format!("t{revision}")).unwrap(),
        }
    }

    /// Queues of (agent, namespace, owner, how many), submitted one after the other.
    fn waiting(queues: &[(&str, &str, &str, usize)]) -> Waiting {
        let mut waiting = Waiting::default();
        let each = queues.iter().flat_map(|queue| std::iter::repeat_n(queue, queue.3));
        for (revision, (agent, space, owner, _)) in (1..).zip(each) {
            waiting.add(next(revision, agent, space, owner));
        }
        waiting
    }

    fn name(next: &Next) -> String {
        next.agent.as_str().trim_end_matches("-agent").to_owned()
    }

    /// The tasks in the order in which they are placed while there is room; those of agents that no node can run are
    /// passed over, as the placer does.
    fn place(waiting: &mut Waiting, unplaceable: &[&str], room: usize) -> Vec<Next> {
        let (mut load, mut passed, mut placed) = (Load::default(), BTreeSet::new(), Vec::new());
        while placed.len() < room {
            let Some(next) = waiting.next(&load, &passed) else { break };
            let placeable = !unplaceable.contains(&name(&next).as_str());
            waiting.tried(&next, placeable, waiting.round());
            if !placeable {
                passed.insert(next.agent);
                continue;
            }
            waiting.take(&next);
            load.add(&next.namespace, &next.agent, &next.owner);
            placed.push(next);
        }
        placed
    }

    /// As [`place`], but each task ends before the next is placed.
    fn place_one_by_one(waiting: &mut Waiting, tasks: usize) -> Vec<Next> {
        (0..tasks).flat_map(|_| place(waiting, &[], 1)).collect()
    }

    fn agents(placed: &[Next]) -> Vec<String> {
        placed.iter().map(name).collect()
    }

    fn owners(placed: &[Next]) -> Vec<&str> {
        placed.iter().map(|next| next.owner.as_str()).collect()
    }

    #[test]
    fn tasks_that_cannot_be_placed_do_not_stand_before_those_that_can() {
        let mut queues = waiting(&[("stuck", "n1", "a", 300), ("good", "n1", "a", 2)]);
        assert_eq!(agents(&place(&mut queues, &["stuck"], 9)), ["good", "good"]);
        let again = queues.next(&Load::default(), &BTreeSet::new()).unwrap();
        assert_eq!(again.agent, handle("stuck"), "they are tried again, last");
    }

    #[test]
    fn agents_and_namespaces_take_turns_whatever_one_of_them_has_waiting() {
        let queues = [("many", "n1", "a", 100), ("few", "n1", "a", 1), ("other", "n2", "a", 2)];
        let order = ["many", "other", "few", "other", "many", "many"];
        assert_eq!(agents(&place(&mut waiting(&queues), &[], 6)), order);
        let one_by_one = place_one_by_one(&mut waiting(&queues), 6);
        assert_eq!(agents(&one_by_one), order, "also where none of them runs anything");
    }

    #[test]
    fn an_owner_with_one_task_does_not_wait_for_the_many_of_another_at_the_same_agent() {
        let queues = || waiting(&[("x", "n1", "a", 300), ("x", "n1", "b", 1)]);
        assert_eq!(owners(&place(&mut queues(), &[], 3)), ["a", "b", "a"]);
        let one_by_one = place_one_by_one(&mut queues(), 3);
        assert_eq!(owners(&one_by_one), ["a", "b", "a"], "also where neither runs anything");

        let mut load = Load::default();
        load.add(&Namespace::parse("n1").unwrap(), &handle("x"), "a");
        let next = queues().next(&load, &BTreeSet::new()).unwrap();
        assert_eq!(next.owner, "b", "the first slot, if the other has one");
    }

    #[test]
    fn two_busy_owners_get_equal_shares_at_an_agent() {
        let queues = || waiting(&[("x", "n1", "a", 300), ("x", "n1", "b", 50)]);
        for placed in [place(&mut queues(), &[], 40), place_one_by_one(&mut queues(), 40)] {
            let of_a = placed.iter().filter(|next| next.owner == "a").count();
            assert_eq!((of_a, placed.len()), (20, 40));
        }
    }

    #[test]
    fn an_owner_that_has_one_task_waiting_at_a_time_gets_no_more_than_its_turn() {
        let mut queues = waiting(&[("x", "n1", "a", 300), ("x", "n1", "b", 1)]);
        let mut placed = Vec::new();
        for revision in 1_000..1_020 {
            let served = place(&mut queues, &[], 1).remove(0);
            if served.owner == "b" {
                queues.add(next(revision, "x", "n1", "b"));
            }
            placed.push(served);
        }
        assert_eq!(owners(&placed), ["a", "b"].repeat(10));
    }

    #[test]
    fn what_an_owner_runs_at_another_agent_does_not_keep_it_waiting() {
        let mut load = Load::default();
        let space = Namespace::parse("n1").unwrap();
        load.add(&space, &handle("x"), "a");
        (0..5).for_each(|_| load.add(&space, &handle("y"), "b"));
        let queues = waiting(&[("x", "n1", "a", 300), ("x", "n1", "b", 1)]);
        assert_eq!(queues.next(&load, &BTreeSet::new()).unwrap().owner, "b");
    }

    #[test]
    fn tasks_that_have_ended_use_up_no_turn() {
        let mut queues = waiting(&[("x", "n1", "a", 2), ("x", "n1", "b", 3)]);
        assert_eq!(owners(&place(&mut queues, &[], 1)), ["a"]);
        for ended in [3, 4] {
            let next = queues.next(&Load::default(), &BTreeSet::new()).unwrap();
            assert_eq!((next.owner.as_str(), next.revision), ("b", Revision(ended)));
            queues.remove(&next);
        }
        assert_eq!(owners(&place_one_by_one(&mut queues, 9)), ["b", "a"]);
        assert!(queues.is_empty());
    }

    #[test]
    fn of_one_owner_the_longest_waiting_is_first_also_when_it_is_put_back() {
        let mut queues = waiting(&[("x", "n1", "a", 3)]);
        let first = place(&mut queues, &[], 1).remove(0);
        assert_eq!((first.revision, first.task.as_str()), (Revision(1), "t1"));
        queues.add(first);
        let order = place(&mut queues, &[], 9).into_iter().map(|next| next.revision.0);
        assert_eq!(order.collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn the_choice_of_an_owner_does_not_look_at_all_that_wait() {
        let names: Vec<String> = (0..10_000).map(|n| format!("o{n}")).collect();
        let lines: Vec<_> = names.iter().map(|owner| ("x", "n1", owner.as_str(), 1)).collect();
        let queues = waiting(&lines);
        let queue = queues.spaces.values().next().unwrap().queues.values().next().unwrap();
        let looked = Cell::new(0);
        let line = queue.next(|owner| {
            looked.set(looked.get() + 1);
            usize::from(["o0", "o1"].contains(&owner))
        });
        assert_eq!((line.unwrap().owner.as_str(), looked.get()), ("o2", 3));
    }

    #[test]
    fn queues_that_hold_more_than_can_wait_are_read_anew() {
        let mut queues = waiting(&[("one", "n1", "a", 3), ("two", "n2", "b", 2)]);
        queues.read_through = Revision(5);
        queues.add(next(5, "two", "n2", "b"));
        assert!(!queues.begin_anew_beyond(5), "a task counts once");
        assert!(!queues.is_empty() && queues.read_through == Revision(5));
        assert!(queues.begin_anew_beyond(4));
        assert!(queues.is_empty() && queues.read_through == Revision(0));
    }

    #[test]
    fn what_no_node_can_run_does_not_count_as_placeable_until_a_node_can() {
        let mut queues = waiting(&[("stuck", "n1", "a", 2), ("stuck", "n1", "b", 1)]);
        let first = queues.next(&Load::default(), &BTreeSet::new()).unwrap();
        assert_eq!(queues.placeable(), 3, "nobody has tried");
        for _ in 0..2 {
            queues.tried(&first, false, 0);
            assert_eq!(queues.placeable(), 0);
        }
        queues.add(next(9, "stuck", "n1", "c"));
        queues.add(next(9, "stuck", "n1", "c"));
        assert_eq!(queues.placeable(), 0, "it is the same agent");
        queues.add(next(10, "good", "n1", "a"));
        assert_eq!(queues.placeable(), 1);
        queues.remove(&first);
        queues.remove(&first);
        queues.tried(&first, true, 0);
        assert_eq!(queues.placeable(), 4);
        place(&mut queues, &[], 9);
        assert_eq!(queues.placeable(), 0);
    }

    #[test]
    fn what_no_node_could_run_counts_as_placeable_again_once_a_node_has_come() {
        let mut queues = waiting(&[("stuck", "n1", "a", 2), ("good", "n2", "a", 1)]);
        let (stuck, before) = (next(1, "stuck", "n1", "a"), queues.round());
        queues.tried(&stuck, false, before);
        assert_eq!(queues.placeable(), 1);
        queues.try_all();
        assert_eq!(queues.placeable(), 3);
        queues.tried(&stuck, false, before);
        assert_eq!(queues.placeable(), 3, "whoever tried had not seen the node that came");
        queues.tried(&stuck, false, queues.round());
        assert_eq!(queues.placeable(), 1);
        queues.remove(&stuck);
        queues.try_all();
        assert_eq!(queues.placeable(), 2, "each counts once");
    }

    proptest! {
        #[test]
        fn each_task_is_placed_once_and_those_of_an_owner_in_order_whoever_comes_and_goes(
            steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_usize..3), 0..80),
        ) {
            let (mut queues, mut placed) = (Waiting::default(), Vec::new());
            for (revision, (agent, owner, room)) in (1..).zip(&steps) {
                let space = if *agent == 0 { "n1" } else { "n2" };
                queues.add(next(revision, &format!("x{agent}"), space, &format!("o{owner}")));
                placed.extend(place(&mut queues, &[], *room));
            }
            placed.extend(place(&mut queues, &[], steps.len()));
            prop_assert!(queues.is_empty());
            prop_assert_eq!(queues.placeable(), 0);
            prop_assert!(!queues.begin_anew_beyond(0), "nothing is counted");
            let mut newest = BTreeMap::new();
            for next in &placed {
                let before = newest.insert((&next.agent, &next.owner), next.revision);
                prop_assert!(before < Some(next.revision));
            }
            let all: BTreeSet<u64> = placed.iter().map(|next| next.revision.0).collect();
            prop_assert_eq!((all.len(), placed.len()), (steps.len(), steps.len()));
        }
    }
}
