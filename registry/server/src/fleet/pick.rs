//! The node of a task that is submitted: the leader names one before the submission goes into the log, so that submission and
//! assignment are one entry. It must never give away a slot that a waiting task could use, nor look at more than a bounded
//! part of the fleet.
//!
//! **What it names is an offer.** The core looks into the state once more, and where the node has no slot any more, or is
//! not joined, the task waits for the placer. So the counts here may err.

use std::sync::Arc;

use proto_types::NodeId;
use registry_api::Problem;
use registry_core::change::Effect;
use registry_core::command::{Command, Proposal, SubmitTask};
use registry_core::entry::{Hosted, NodeState};
use registry_core::query;
use registry_core::rank::{self, Candidate, Needs};
use registry_core::view::View;
use registry_raft::{Held, Prepare};
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::member::Member;

use super::counts::{self, Counts};
use super::{Fleet, failed};

/// Nodes looked at for one task: the best of so many is hardly worse than the best of all. Arbitrary.
const SEEN_MAX: usize = 64;

/// Once so many keys were read to count what nodes hold, the next node is counted for a later task. One node has no more.
const KEYS_MAX: usize = counts::HELD_MAX;

/// What the leader keeps from one task to the next.
#[derive(Debug)]
pub(super) struct Picks {
    counts: Counts,
    /// The node that was looked at last.
    last: Option<NodeId>,
}

/// Has the leader name nodes.
pub(crate) fn prepare(member: &Arc<Member>) -> Prepare {
    // The registry keeps the closure, and the member the registry.
    let member = Arc::downgrade(member);
    Box::new(move |proposal: &mut Proposal| {
        // What is set with a task stands behind it.
        let submitted = proposal.commands.iter_mut().find_map(|command| match command {
            Command::SubmitTask(submitted) => Some(submitted),
            _ => None,
        })?;
        let member = member.upgrade()?;
        name(&member, submitted)
    })
}

/// Names a node if one has a slot, in the place of what a former leader has named whose log never had it. What is returned
/// is held until the submission is answered.
fn name(member: &Member, submitted: &mut SubmitTask) -> Option<Held> {
    let fleet = &member.fleet;
    // A former leader may have named one.
    submitted.node = None;
    if !fleet.table().is_leading() {
        return None;
    }
    // Held until the slot is counted as taken: another submission would take the same one.
    let mut picks = fleet.picks();
    let view = || member.registry.view().0;
    submitted.node = picks.of(fleet, view, submitted).unwrap_or_else(|problem| {
        failed("no node is named for a task", &problem);
        None
    });
    Some(Arc::new(fleet.under_way.begin(submitted.id.clone(), submitted.node.clone())))
}

impl Picks {
    pub(super) fn new(effects: broadcast::Receiver<Effect>) -> Self {
        Self { counts: Counts::new(effects), last: None }
    }

    /// Counts anew from here on.
    pub(super) fn forget(&mut self) {
        self.counts.forget();
    }

    fn of<V: View>(
        &mut self,
        fleet: &Fleet,
        view: impl Fn() -> V,
        submitted: &SubmitTask,
    ) -> Result<Option<NodeId>, Problem> {
        let entry = query::agent(&view(), &submitted.agent)?;
        match entry.as_ref().and_then(|entry| entry.hosted()) {
            Some(agent) => self.choose(fleet, view, agent),
            None => Ok(None),
        }
    }

    /// The node for one run of the agent; `None` if it has to wait for its turn. As many slots of each node are left alone as
    /// tasks wait: each of these may be for this node.
    ///
    /// It is read in the order in which a task goes, from those that wait to the slots that are under way, and from both to
    /// the effects and the state, so that what moves on meanwhile is seen twice rather than not at all.
    fn choose<V: View>(
        &mut self,
        fleet: &Fleet,
        view: impl FnOnce() -> V,
        agent: &Hosted,
    ) -> Result<Option<NodeId>, Problem> {
        let (known, read_through) = fleet.waits();
        let mut candidates = self.candidates(fleet, agent, Instant::now());
        self.counts.follow();
        let view = view();
        self.take_off_held(&view, &mut candidates)?;
        let most = candidates.iter().map(|candidate| candidate.free_slots).max().unwrap_or(0);
        let left = (most as usize).saturating_sub(known);
        let unread = query::count_pending_after(&view, read_through, left)?;
        let waiting = u32::try_from(known.saturating_add(unread)).unwrap_or(u32::MAX);
        for candidate in &mut candidates {
            candidate.free_slots = candidate.free_slots.saturating_sub(waiting);
        }
        Ok(rank::place(&Needs::from(agent), &candidates).ok())
    }

    /// The nodes behind the last one that could run the agent, with all the slots that they give and that nothing is under
    /// way to; those that have the artifact come first.
    fn candidates(&mut self, fleet: &Fleet, agent: &Hosted, now: Instant) -> Vec<Candidate> {
        let (needs, state) = (Needs::from(agent), NodeState::Joined);
        let (mut candidates, mut last, table) = (Vec::new(), None, fleet.table());
        for (node, live) in table.all_behind(self.last.as_ref()).take(SEEN_MAX) {
            last = Some(node);
            if !live.takes_tasks(now) || rank::unmet(&needs, [(state, &live.capacity)]).is_some() {
                continue;
            }
            let free_slots = live.slots_given().saturating_sub(fleet.under_way.at(node));
            let cached = live.cached.contains(&agent.artifact);
            let (node, capacity) = (node.clone(), live.capacity.clone());
            candidates.push(Candidate { node, state, capacity, free_slots, cached });
        }
        self.last = last.cloned();
        candidates.sort_by_key(|candidate| !candidate.cached);
        candidates
    }

    /// Takes off the slots that tasks hold.
    fn take_off_held(
        &mut self,
        view: &dyn View,
        candidates: &mut [Candidate],
    ) -> Result<(), Problem> {
        let mut keys = KEYS_MAX;
        for candidate in candidates {
            let held = self.counts.held(view, &candidate.node, &mut keys)?;
            // One that is not counted yet is for a later task.
            let held = held.unwrap_or(u32::MAX);
            candidate.free_slots = candidate.free_slots.saturating_sub(held);
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proto_types::{
        ContextId, Digest, Handle, IsolationSet, LeaseEpoch, Revision, Slots, TaskId, WallMs,
    };
    use registry_core::entry::{AgentKind, Capacity, Limits, TaskEntry, TaskState};
    use registry_core::fair::Next;
    use registry_core::table::TASKS;
    use registry_core::view::{Memory, Space, Write};
    use tokio::sync::{mpsc, oneshot};

    use crate::fleet::live::Opening;
    use crate::fleet::under_way::Placement;

    use super::*;

    /// A fleet whose state is in memory, and what tells of its changes.
    struct Led {
        fleet: Fleet,
        effects: broadcast::Sender<Effect>,
        memory: Memory,
    }

    impl Led {
        /// Nodes with so many slots.
        fn with(nodes: &[(&str, u32)]) -> Self {
            let effects = broadcast::Sender::new(64);
            let fleet = Fleet::new(effects.subscribe(), Duration::from_secs(10), 1_000);
            fleet.table().begin(vec![]);
            let led = Self { fleet, effects, memory: Memory::default() };
            nodes.iter().for_each(|(id, slots)| led.join(id, *slots, "wasm-proc"));
            led
        }

        fn join(&self, id: &str, slots: u32, isolation: &str) {
            let capacity = Capacity {
                slots: Slots::new(slots).unwrap(),
                memory_bytes: 1 << 30,
                runs_per_second: 1,
                isolation: IsolationSet::new(&[isolation]).unwrap(),
            };
            let (orders, alive) = (mpsc::channel(1).0, oneshot::channel().0);
            let opening = Opening { capacity, held: vec![], orders, alive };
            let opened =
                self.fleet.table().open(&node(id), opening, Instant::now(), self.fleet.ttl);
            assert!(opened.is_some());
        }

        fn choose(&self) -> Option<String> {
            let mut picks = self.fleet.picks();
            let chosen = picks.choose(&self.fleet, || self.memory.clone(), &agent()).unwrap();
            chosen.map(|node| node.to_string())
        }

        /// The node of a submission that is under way.
        fn submit(&self, id: &str) -> (Option<String>, Placement) {
            let chosen = self.choose();
            let to = chosen.as_deref().map(node);
            (chosen, self.fleet.under_way.begin(task(id), to))
        }

        fn tell(&self, effect: Effect) {
            self.effects.send(effect).unwrap();
        }
    }

    pub(in crate::fleet) fn node(id: &str) -> NodeId {
        id.parse().unwrap()
    }

    fn task(id: &str) -> TaskId {
        id.parse().unwrap()
    }

    fn agent() -> Hosted {
        Hosted {
            artifact: Digest::of(b"artifact"),
            artifact_bytes: 8,
            kind: AgentKind::Component,
            limits: Limits { fuel: 1, memory_bytes: 1, wall_ms: 1, output_bytes: 1 },
            isolation: IsolationSet::new(&["wasm-proc"]).unwrap(),
        }
    }

    fn waiting(id: &str, revision: u64) -> Next {
        Next {
            namespace: Default::default(),
            agent: Handle::parse("text").unwrap(),
            owner: "https://a.example".to_owned(),
            revision: Revision(revision),
            task: task(id),
        }
    }

    /// A task that waits, as the state has it.
    pub(in crate::fleet) fn pending(id: &str, revision: u64) -> TaskEntry {
        TaskEntry {
            id: task(id),
            context: ContextId::parse("c1").unwrap(),
            agent: Handle::parse("text").unwrap(),
            owner: "https://a.example".parse().unwrap(),
            input: Digest::of(b"input"),
            turns: vec![],
            turn_bytes: 0,
            reply_to: None,
            gateway: None,
            traceparent: None,
            deadline: WallMs(9),
            state: TaskState::Pending,
            epoch: LeaseEpoch(0),
            attempts: 0,
            cancel_requested: false,
            in_context: false,
            shared: false,
            counted: true,
            listed: false,
            bytes: None,
            push: Vec::new(),
            submitted_at: WallMs(1),
            changed_at: WallMs(1),
            revision: Revision(revision),
        }
    }

    #[test]
    fn a_node_is_named_for_no_more_submissions_at_a_time_than_it_has_slots() {
        let led = Led::with(&[("n1", 2)]);
        let (one, first) = led.submit("t1");
        let (two, _second) = led.submit("t2");
        assert_eq!((one.as_deref(), two.as_deref()), (Some("n1"), Some("n1")));
        let (three, third) = led.submit("t3");
        assert_eq!(three, None);
        drop((first, third));
        assert_eq!(led.choose().as_deref(), Some("n1"), "one was refused and gives its slot back");
    }

    #[test]
    fn what_a_node_holds_takes_its_slots_until_it_ends() {
        let led = Led::with(&[("n1", 2)]);
        assert_eq!(led.choose().as_deref(), Some("n1"));
        for id in ["t1", "t2"] {
            led.tell(Effect::TaskAssigned(task(id), node("n1"), LeaseEpoch(1)));
        }
        assert_eq!(led.choose(), None);
        led.tell(Effect::TaskEnded(task("t1")));
        assert_eq!(led.choose().as_deref(), Some("n1"));
    }

    #[test]
    fn no_slot_is_given_away_that_a_waiting_task_could_use() {
        let led = Led::with(&[("n1", 2)]);
        led.fleet.waiting().add(waiting("w1", 1));
        let (chosen, under_way) = led.submit("t1");
        assert_eq!(chosen.as_deref(), Some("n1"), "one slot is left for the one that waits");
        assert_eq!(led.choose(), None);
        led.fleet.waiting().tried(&waiting("w1", 1), false, 0);
        assert_eq!(led.choose().as_deref(), Some("n1"), "no node could run the one that waits");
        drop(under_way);

        let (chosen, first) = led.submit("t2");
        let (_, second) = led.submit("t3");
        let (none, third) = led.submit("t4");
        assert_eq!((chosen.as_deref(), none), (Some("n1"), None));
        drop((first, second));
        assert_eq!(led.submit("t5").0.as_deref(), Some("n1"));
        let _fifth = led.fleet.under_way.begin(task("t5"), Some(node("n1")));
        assert_eq!(led.choose(), None, "the one that is about to wait comes first");
        drop(third);
        assert_eq!(led.choose().as_deref(), Some("n1"));
    }

    #[test]
    fn a_task_counts_as_waiting_before_the_placer_has_read_it() {
        let mut led = Led::with(&[("n1", 1)]);
        let derived = TASKS.derived(&pending("w1", 7)).into_iter();
        let put = |(key, value)| Write::Put { space: Space::Index, key, value };
        led.memory.commit(&derived.map(put).collect::<Vec<_>>());
        assert_eq!(led.choose(), None);
        led.fleet.waiting().read_through = Revision(7);
        assert_eq!(led.choose().as_deref(), Some("n1"), "it was read, and is in no queue");
    }

    #[test]
    fn what_is_answered_while_a_node_is_named_is_not_missed() {
        for to in [Some(node("n1")), None] {
            let led = Led::with(&[("n1", 1)]);
            let under_way = led.fleet.under_way.begin(task("t1"), to.clone());
            // The last effects and the last state before it was answered.
            let view = || {
                drop(under_way);
                Memory::default()
            };
            let chosen = led.fleet.picks().choose(&led.fleet, view, &agent()).unwrap();
            assert_eq!(chosen, None, "{to:?}");
            assert_eq!(led.choose().as_deref(), Some("n1"), "it was refused");
        }
    }

    #[test]
    fn a_node_that_has_the_artifact_comes_first_as_long_as_it_has_a_slot() {
        let led = Led::with(&[("n1", 8), ("n2", 1)]);
        led.fleet.table().live(&node("n2")).unwrap().cached = [agent().artifact].into();
        let (chosen, _under_way) = led.submit("t1");
        assert_eq!(chosen.as_deref(), Some("n2"));
        assert_eq!(led.choose().as_deref(), Some("n1"));
    }

    #[test]
    fn a_node_that_drains_or_could_not_run_the_agent_or_has_no_session_is_not_named() {
        let led = Led::with(&[("n1", 8)]);
        led.join("n2", 8, "vm-hw");
        led.fleet.table().live(&node("n1")).unwrap().draining = true;
        assert_eq!(led.choose(), None);
        led.fleet.table().live(&node("n1")).unwrap().draining = false;
        assert_eq!(led.choose().as_deref(), Some("n1"));
        led.fleet.end();
        assert_eq!(led.choose(), None);
    }

    #[test]
    fn each_of_more_nodes_than_are_looked_at_has_its_turn() {
        let ids: Vec<String> = (0..SEEN_MAX + 40).map(|n| format!("n{n:03}")).collect();
        let nodes: Vec<_> = ids.iter().map(|id| (id.as_str(), 1)).collect();
        let led = Led::with(&nodes);
        let mut under_way = Vec::new();
        // A round begins behind the last: two of them see every node.
        for at in 0..2 * nodes.len() {
            under_way.push(led.submit(&format!("t{at}")));
            under_way.retain(|(chosen, _)| chosen.is_some());
        }
        let named: BTreeSet<_> =
            under_way.iter().filter_map(|(chosen, _)| chosen.clone()).collect();
        assert_eq!((named.len(), under_way.len()), (ids.len(), ids.len()));
    }
}
