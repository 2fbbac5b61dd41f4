//! Placement: which node runs a task.
//! Decides by what is passed in alone, the same for the same candidates in any order; must never
//! choose a node outside the agent's isolation set.

use std::cmp::Reverse;

use proto_types::NodeId;

use crate::entry::{AgentEntry, Capacity, NodeState};

/// What a run asks of a node.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// The isolation classes it accepts.
    pub isolation: &'a [String],
    /// The memory it may use, bytes.
    pub memory_bytes: u64,
}

impl<'a> From<&'a AgentEntry> for Needs<'a> {
    fn from(agent: &'a AgentEntry) -> Self {
        Self { isolation: &agent.isolation, memory_bytes: agent.limits.memory_bytes }
    }
}

/// A node as the leader knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub node: NodeId,
    /// Its committed state.
    pub state: NodeState,
    /// What it measured.
    pub capacity: Capacity,
    /// Slots that no task holds.
    pub free_slots: u32,
    /// Whether it has the artifact.
    pub cached: bool,
}

/// Why a node cannot run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Lost or draining.
    #[error("it is not joined")]
    NotJoined,
    /// None of its classes is accepted.
    #[error("it offers no isolation class that the agent accepts")]
    Isolation,
    /// The run may need more than the node has.
    #[error("it has {has_bytes} bytes of memory; the agent may use {needs_bytes}")]
    Memory {
        /// What the node has.
        has_bytes: u64,
        /// What the run may use.
        needs_bytes: u64,
    },
    /// Every slot is taken.
    #[error("its {slots} slots are taken")]
    Busy {
        /// How many it has.
        slots: u32,
    },
}

/// No candidate fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("none of {} nodes can run it", reasons.len())]
pub struct PlacementFailure {
    /// Why not, for each candidate, by id.
    pub reasons: Vec<(NodeId, Unfit)>,
}

/// Chooses: a fit node that has the artifact, then the one with the most free slots, then the
/// fastest, then the first by id.
///
/// # Errors
/// No candidate is fit, with the first reason for each.
pub fn place(needs: &Needs<'_>, candidates: &[Candidate]) -> Result<NodeId, PlacementFailure> {
    let fit = candidates.iter().filter(|candidate| unfit(needs, candidate).is_none());
    let best = fit.min_by_key(|candidate| {
        let speed = Reverse(candidate.capacity.runs_per_second);
        (!candidate.cached, Reverse(candidate.free_slots), speed, &candidate.node)
    });
    if let Some(best) = best {
        return Ok(best.node.clone());
    }
    let reason = |candidate: &Candidate| Some((candidate.node.clone(), unfit(needs, candidate)?));
    let mut reasons: Vec<_> = candidates.iter().filter_map(reason).collect();
    reasons.sort_by(|(one, _), (other, _)| one.cmp(other));
    Err(PlacementFailure { reasons })
}

/// The first reason why not; reasons that last come before those that pass.
fn unfit(needs: &Needs<'_>, candidate: &Candidate) -> Option<Unfit> {
    let capacity = &candidate.capacity;
    if !capacity.isolation.iter().any(|class| needs.isolation.contains(class)) {
        return Some(Unfit::Isolation);
    }
    if capacity.memory_bytes < needs.memory_bytes {
        let (has_bytes, needs_bytes) = (capacity.memory_bytes, needs.memory_bytes);
        return Some(Unfit::Memory { has_bytes, needs_bytes });
    }
    if candidate.state != NodeState::Joined {
        return Some(Unfit::NotJoined);
    }
    (candidate.free_slots == 0).then_some(Unfit::Busy { slots: capacity.slots })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn candidate(node: &str, edit: fn(&mut Candidate)) -> Candidate {
        let isolation = vec!["wasm-proc".to_owned()];
        let capacity = Capacity { slots: 4, memory_bytes: 1_000, runs_per_second: 50, isolation };
        let mut candidate = Candidate {
            node: NodeId::parse(node).unwrap(),
            state: NodeState::Joined,
            capacity,
            free_slots: 2,
            cached: false,
        };
        edit(&mut candidate);
        candidate
    }

    fn check(candidates: &[Candidate], expected: &str) {
        let isolation = ["vm-hw".to_owned(), "wasm-proc".to_owned()];
        let needs = Needs { isolation: &isolation, memory_bytes: 1_000 };
        let mut reversed = candidates.to_vec();
        reversed.reverse();
        for order in [candidates, &reversed] {
            let said = match place(&needs, order) {
                Ok(node) => node.to_string(),
                Err(failure) => format!("{:?}", failure.reasons),
            };
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn the_artifact_counts_before_slots_before_speed_before_the_id() {
        let plain = || candidate("b", |_| {});
        check(&[plain(), candidate("a", |_| {})], "a");
        check(&[plain(), candidate("c", |it| it.capacity.runs_per_second = 51)], "c");
        let roomy = candidate("d", |it| it.free_slots = 3);
        let fast = candidate("c", |it| it.capacity.runs_per_second = 99);
        check(&[plain(), fast, roomy.clone()], "d");
        check(&[plain(), roomy, candidate("e", |it| it.cached = true)], "e");
    }

    #[test]
    fn an_unfit_node_is_never_chosen_and_says_why() {
        let others = candidate("a", |it| it.capacity.isolation = vec!["vm-emulated".to_owned()]);
        let small = candidate("b", |it| it.capacity.memory_bytes = 999);
        let lost = candidate("c", |it| it.state = NodeState::Draining);
        let busy = candidate("d", |it| it.free_slots = 0);
        let unfit = [others, small, lost, busy];
        check(
            &unfit,
            "[(NodeId(\"a\"), Isolation), \
             (NodeId(\"b\"), Memory { has_bytes: 999, needs_bytes: 1000 }), \
             (NodeId(\"c\"), NotJoined), (NodeId(\"d\"), Busy { slots: 4 })]",
        );
        let mut one_fits = unfit.to_vec();
        one_fits.push(candidate("z", |_| {}));
        check(&one_fits, "z");
        check(&[], "[]");
    }
}
