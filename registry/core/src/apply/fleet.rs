//! Gateways and nodes.
//! Decides who belongs to the fleet and which nodes are there; must never give two machines one
//! credential, or leave a task with a node that lost its session.

use proto_types::Digest;

use crate::change::{Refusal, Reply};
use crate::command::{FleetCommand, HearNode, RegisterGateway, RegisterNode, SetNodeState};
use crate::entry::{Capacity, ChangeKind, GatewayEntry, JoinRole, NodeEntry, NodeState};
use crate::index;
use crate::table::{GATEWAYS, NODES};
use crate::view::Space;

use super::bound::{self, URL_BYTES_MAX};
use super::draft::{Draft, Outcome, Stop};
use super::{join, task};

/// More runs at once than any one machine does; a scan of a node's tasks stays small.
const SLOTS_MAX: u64 = 4_096;

pub(super) fn register_gateway(draft: &mut Draft<'_>, command: &RegisterGateway) -> Outcome {
    let RegisterGateway { id, endpoint, credential, join } = command;
    bound::text("endpoint", endpoint, URL_BYTES_MAX)?;
    let kept = draft.entry(&GATEWAYS, id.as_str())?;
    match &kept {
        Some(kept) if kept.credential != *credential => {
            return taken(draft, join, (JoinRole::Gateway, "gateway", id.as_str()));
        }
        Some(kept) if kept.endpoint == *endpoint => return Ok(Reply::Done(kept.revision)),
        Some(_) => {}
        None => admit(draft, credential, join, JoinRole::Gateway, id.as_str())?,
    }
    let revision = draft.note(ChangeKind::Gateway, id.as_str(), false);
    let (id, endpoint, credential) = (id.clone(), endpoint.clone(), *credential);
    let gateway = GatewayEntry { id, endpoint, credential, revision };
    draft.replace(&GATEWAYS, kept.as_ref(), &gateway);
    Ok(Reply::Done(revision))
}

/// Nodes read at a time.
const CALL_PAGE: usize = 1_000;

/// A known node that registers again has restarted: whatever it ran is gone.
pub(super) fn register_node(draft: &mut Draft<'_>, command: &RegisterNode) -> Outcome {
    let RegisterNode { id, credential, capacity, join } = command;
    check_capacity(capacity)?;
    let kept = draft.entry(&NODES, id.as_str())?;
    match &kept {
        Some(kept) if kept.credential != *credential => {
            return taken(draft, join, (JoinRole::Node, "node", id.as_str()));
        }
        Some(_) => {}
        None => admit(draft, credential, join, JoinRole::Node, id.as_str())?,
    }
    let (id, credential, capacity) = (id.clone(), *credential, capacity.clone());
    let (state, silent_since, revision) = (NodeState::Lost, None, Default::default());
    let node = NodeEntry { id, credential, capacity, state, silent_since, revision };
    keep_node(draft, kept.as_ref(), node)
}

pub(super) fn decide(draft: &mut Draft<'_>, command: &FleetCommand) -> Outcome {
    match command {
        FleetCommand::ContinueTask(command) => task::turn::continue_task(draft, command),
        FleetCommand::CallNodes => call_nodes(draft),
        FleetCommand::HearNode(command) => hear_node(draft, command),
    }
}

fn hear_node(draft: &mut Draft<'_>, command: &HearNode) -> Outcome {
    check_capacity(&command.capacity)?;
    let kept = draft.existing(&NODES, command.id.as_str())?;
    let (state, silent_since, capacity) = (NodeState::Joined, None, command.capacity.clone());
    let heard = NodeEntry { state, silent_since, capacity, ..kept.clone() };
    keep_node(draft, Some(&kept), heard)
}

/// A silence lasts over any number of leaders: only a session ends it.
fn call_nodes(draft: &mut Draft<'_>) -> Outcome {
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

pub(super) fn set_node_state(draft: &mut Draft<'_>, command: &SetNodeState) -> Outcome {
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
        task::put_back_all(draft, &node.id)?;
    }
    node.revision = draft.note(ChangeKind::Node, node.id.as_str(), false);
    draft.replace(&NODES, kept, &node);
    Ok(Reply::Done(node.revision))
}

/// The id is another machine's. Only who was invited hears it: to others a known id and a free one are alike.
fn taken(
    draft: &mut Draft<'_>,
    join: &Digest,
    (role, kind, id): (JoinRole, &str, &str),
) -> Outcome {
    join::spend(draft, join, role, id)?;
    // A refusal undoes the spending.
    Err(bound::conflict(kind, id).into())
}

/// Lets a new machine in: its join token is spent, and its credential is nobody else's, which again only who was invited
/// hears.
fn admit(
    draft: &mut Draft<'_>,
    credential: &Digest,
    join: &Digest,
    role: JoinRole,
    id: &str,
) -> Result<(), Stop> {
    join::spend(draft, join, role, id)?;
    match draft.view().value(Space::Index, &index::credential(credential))? {
        Some(_) => Err(bound::conflict("credential", id).into()),
        None => Ok(()),
    }
}

fn check_capacity(capacity: &Capacity) -> Result<(), Refusal> {
    bound::number("slots", u64::from(capacity.slots), (0, SLOTS_MAX))?;
    bound::isolation(&capacity.isolation)
}
