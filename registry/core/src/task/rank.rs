//! Placement: the node that runs a task, or the reason why none does. The result depends on the candidates alone, not on
//! their order, and is never a node outside of the agent's isolation set.

use std::cmp::Reverse;

use proto_types::{IsolationSet, NodeId};
use serde::{Deserialize, Serialize};

use crate::agent::entry::Hosted;
use crate::node::entry::{Capacity, NodeState};

/// What a run asks of a node.
#[derive(Clone, Copy, Debug)]
pub struct Needs<'a> {
    /// The isolation classes it accepts.
    pub isolation: &'a IsolationSet,
    /// The memory it may use, bytes.
    pub memory_bytes: u64,
}

impl<'a> From<&'a Hosted> for Needs<'a> {
    fn from(agent: &'a Hosted) -> Self {
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

/// Why a run is on no node. Whoever calls the agent reads it, so that it says nothing of a single node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Unplaced {
    /// A node could run it, once a slot is free.
    #[error("every node that can run the agent is busy")]
    Busy,
    /// No node could, however empty.
    #[error("{0}")]
    Nowhere(Unmet),
}

/// The requirement that no node meets: the last of these that one of them comes to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "kebab-case")]
pub enum Unmet {
    /// A class that the agent accepts.
    #[error("no node offers an isolation class that the agent accepts")]
    Isolation,
    /// Memory, on a node of such a class.
    #[error("no node of an isolation class that the agent accepts has the memory that it may use")]
    Memory,
    /// Presence: those that could run it are lost or draining, or there is no node at all.
    #[error("no node that could run the agent is joined")]
    Joined,
}

/// Chooses: a fit node that has the artifact, then the one with the most free slots, then the
/// fastest, then the first by id.
///
/// # Errors
/// No candidate is fit and has a free slot.
pub fn place(needs: &Needs<'_>, candidates: &[Candidate]) -> Result<NodeId, Unplaced> {
    let fit = candidates.iter().filter(|candidate| {
        candidate.free_slots > 0 && lack(needs, candidate.state, &candidate.capacity).is_none()
    });
    let best = fit.min_by_key(|candidate| {
        let speed = Reverse(candidate.capacity.runs_per_second);
        (!candidate.cached, Reverse(candidate.free_slots), speed, &candidate.node)
    });
    best.map(|best| best.node.clone()).ok_or_else(|| {
        let nodes = candidates.iter().map(|candidate| (candidate.state, &candidate.capacity));
        unmet(needs, nodes).map_or(Unplaced::Busy, Unplaced::Nowhere)
    })
}

/// The requirement that none of these nodes meets, however empty; `None` if one meets all.
#[must_use]
pub fn unmet<'n>(
    needs: &Needs<'_>,
    nodes: impl IntoIterator<Item = (NodeState, &'n Capacity)>,
) -> Option<Unmet> {
    let lacks = nodes.into_iter().map(|(state, capacity)| lack(needs, state, capacity));
    let lacks: Vec<Unmet> = lacks.collect::<Option<_>>()?;
    Some(lacks.into_iter().max().unwrap_or(Unmet::Joined))
}

/// The first requirement that the node does not meet; those for good come before the one that passes.
fn lack(needs: &Needs<'_>, state: NodeState, capacity: &Capacity) -> Option<Unmet> {
    if !capacity.isolation.meets(needs.isolation) {
        return Some(Unmet::Isolation);
    }
    if capacity.memory_bytes < needs.memory_bytes {
        return Some(Unmet::Memory);
    }
    (state != NodeState::Joined).then_some(Unmet::Joined)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::Slots;

    use super::*;

    fn candidate(node: &str, edit: fn(&mut Candidate)) -> Candidate {
        let slots = Slots::new(4).unwrap();
        let isolation = IsolationSet::new(&["wasm-proc"]).unwrap();
        let capacity = Capacity { slots, memory_bytes: 1_000, runs_per_second: 50, isolation };
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
        let isolation = IsolationSet::new(&["vm-hw", "wasm-proc"]).unwrap();
        let needs = Needs { isolation: &isolation, memory_bytes: 1_000 };
        let mut reversed = candidates.to_vec();
        reversed.reverse();
        for order in [candidates, &reversed] {
            let said = match place(&needs, order) {
                Ok(node) => node.to_string(),
                Err(unplaced) => format!("{unplaced:?}"),
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
    fn an_unfit_node_is_never_chosen_and_the_requirement_that_none_meets_is_named() {
        let others = candidate("a", |it| {
            it.capacity.isolation = IsolationSet::new(&["vm-emulated"]).unwrap();
        });
        let small = candidate("b", |it| it.capacity.memory_bytes = 999);
        let draining = candidate("c", |it| it.state = NodeState::Draining);
        let busy = candidate("d", |it| it.free_slots = 0);
        let fits = candidate("z", |_| {});
        let mut candidates: Vec<Candidate> = Vec::new();
        check(&candidates, "Nowhere(Joined)");
        for (next, expected) in [
            (others, "Nowhere(Isolation)"),
            (small, "Nowhere(Memory)"),
            (draining, "Nowhere(Joined)"),
            (busy, "Busy"),
            (fits, "z"),
        ] {
            candidates.push(next);
            check(&candidates, expected);
        }
    }
}
