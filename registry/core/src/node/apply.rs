//! The decision which nodes belong to the fleet, and which of them are live. Two machines never have one credential, and
//! a task never stays with a node that lost its session.

use proto_types::Slots;

use crate::bound;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;
use crate::join_token::entry::JoinRole;
use crate::join_token::machine;
use crate::task;

use super::command::{HearNode, RegisterNode, SetNodeState};
use super::entry::{Capacity, NodeEntry, NodeState};
use super::table::NODES;

/// Nodes read at a time.
const CALL_PAGE: usize = 1_000;

/// A known node that registers again has restarted: whatever it ran is gone.
pub(crate) fn register_node(draft: &mut Draft<'_>, command: &RegisterNode) -> Outcome {
    let RegisterNode { id, credential, capacity, join } = command;
    check_capacity(capacity)?;
    let kept = draft.entry(&NODES, id.as_str())?;
    match &kept {
        Some(kept) if kept.credential != *credential => {
            return machine::taken(draft, join, (JoinRole::Node, "node", id.as_str()));
        }
        Some(_) => {}
        None => machine::admit(draft, credential, join, JoinRole::Node, id.as_str())?,
    }
    let (id, credential, capacity) = (id.clone(), *credential, capacity.clone());
    let (state, silent_since, revision) = (NodeState::Lost, None, Default::default());
    let node = NodeEntry { id, credential, capacity, state, silent_since, revision };
    keep_node(draft, kept.as_ref(), node)
}

pub(crate) fn hear_node(draft: &mut Draft<'_>, command: &HearNode) -> Outcome {
    check_capacity(&command.capacity)?;
    let kept = draft.existing(&NODES, command.id.as_str())?;
    let (state, silent_since, capacity) = (NodeState::Joined, None, command.capacity.clone());
    let heard = NodeEntry { state, silent_since, capacity, ..kept.clone() };
    keep_node(draft, Some(&kept), heard)
}

/// A silence lasts over any number of leaders: only a session ends it.
pub(crate) fn call_nodes(draft: &mut Draft<'_>) -> Outcome {
    let mut after = None;
    loop {
        let page = NODES.list(draft.view(), after.as_deref(), CALL_PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.to_string());
        for kept in page {
            if kept.state != NodeState::Lost && kept.silent_since.is_none() {
                let silent_since = Some(draft.now());
                keep_node(draft, Some(&kept), NodeEntry { silent_since, ..kept.clone() })?;
            }
        }
    }
    Ok(Reply::Done(draft.revision()))
}

pub(crate) fn set_node_state(draft: &mut Draft<'_>, command: &SetNodeState) -> Outcome {
    let (state, measured) = (command.state, command.capacity.as_ref());
    if let Some(measured) = measured {
        check_capacity(measured)?;
    }
    let kept = draft.existing(&NODES, command.id.as_str())?;
    let capacity = measured.unwrap_or(&kept.capacity).clone();
    let silent_since = kept.silent_since.filter(|_| state != NodeState::Lost);
    keep_node(draft, Some(&kept), NodeEntry { state, capacity, silent_since, ..kept.clone() })
}

/// The node's own change comes last, so that the answered revision covers its tasks' changes too.
fn keep_node(draft: &mut Draft<'_>, kept: Option<&NodeEntry>, mut node: NodeEntry) -> Outcome {
    if let Some(kept) = kept {
        node.revision = kept.revision;
        if *kept == node {
            return Ok(Reply::Done(kept.revision));
        }
    }
    if node.state == NodeState::Lost {
        task::apply::put_back_all(draft, &node.id)?;
    }
    node.revision = draft.note(ChangeKind::Node, node.id.as_str(), false);
    draft.replace(&NODES, kept, &node);
    Ok(Reply::Done(node.revision))
}

/// Refuses what is in the log alone, where an earlier version let it in.
fn check_capacity(capacity: &Capacity) -> Result<(), Refusal> {
    if capacity.slots.is_too_many() {
        return Err(bound::full("slots", Slots::MAX.into()));
    }
    bound::isolation(&capacity.isolation)
}
