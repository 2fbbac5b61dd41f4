//! The derived keys: which lookups and orders the state can be read in, beside its ids.
//! Each is a function of one entity; an index must never hold what the entity does not.

use proto_types::{Digest, EnvelopeId, Kid, Namespace, NodeId, Origin, Revision, TaskId, WallMs};
use serde::{Deserialize, Serialize};

use crate::entry::{
    EnvelopeEntry, GatewayEntry, JoinTokenEntry, NodeEntry, PeerEntry, PeerStatus, ProvenanceEntry,
    RecordEntry, TaskEntry, TaskState,
};
use crate::layout::{self, END, derived};
use crate::table::{Entity as _, decode, encode};
use crate::view::{Space, View, ViewError};

/// Derived keys and their values.
type Keys = Vec<(Vec<u8>, Vec<u8>)>;

/// Where a queue keeps its place for an envelope, with all that choosing one to lease needs, so
/// that a long queue is scanned without reading its envelopes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) source: Origin,
    pub(crate) id: EnvelopeId,
    pub(crate) leased_until: WallMs,
    pub(crate) expires_at: WallMs,
}

pub(crate) fn of_peer(peer: &PeerEntry) -> Keys {
    match peer.status {
        PeerStatus::Revoked => Vec::new(),
        PeerStatus::Active => {
            let key = |kid| (enrolled_key(&peer.origin, kid), Vec::new());
            peer.keys.iter().map(|enrolled| key(&enrolled.kid)).collect()
        }
    }
}

pub(crate) fn of_record(record: &RecordEntry) -> Keys {
    match record.digest {
        None => Vec::new(),
        Some(_) => {
            let handle = record.handle.as_str();
            let key = [records_by_url(&record.agent_card_url), handle.into()].concat();
            vec![(key, handle.into())]
        }
    }
}

pub(crate) fn of_gateway(gateway: &GatewayEntry) -> Keys {
    vec![(credential(&gateway.credential), format!("gateway/{}", gateway.id).into_bytes())]
}

pub(crate) fn of_node(node: &NodeEntry) -> Keys {
    vec![(credential(&node.credential), format!("node/{}", node.id).into_bytes())]
}

pub(crate) fn of_join_token(token: &JoinTokenEntry) -> Keys {
    let at = token.expires_at.0.to_be_bytes();
    let key = layout::key(derived::JOIN_TOKENS_BY_EXPIRY, &[&at, token.hash.as_bytes()]);
    vec![(key, token.key().into_bytes())]
}

pub(crate) fn of_task(task: &TaskEntry) -> Keys {
    let place = match &task.state {
        TaskState::Ended { .. } => {
            let (at, id) = (task.changed_at.0.to_be_bytes(), task.id.as_str().as_bytes());
            return vec![(layout::key(derived::TASKS_BY_END, &[&at, id]), id.to_vec())];
        }
        TaskState::Pending => {
            layout::key(derived::TASKS_PENDING, &[&task.revision.0.to_be_bytes()])
        }
        TaskState::Assigned { node } => task_of_node(node, &task.id),
    };
    let id = task.id.as_str().as_bytes();
    let deadline = task.deadline.0.to_be_bytes();
    let due = layout::key(derived::TASKS_BY_DEADLINE, &[&deadline, id]);
    vec![(place, id.to_vec()), (due, id.to_vec())]
}

pub(crate) fn of_envelope(envelope: &EnvelopeEntry) -> Keys {
    let key = envelope.key().into_bytes();
    let at = envelope.expires_at.0.to_be_bytes();
    let mut keys = vec![(layout::key(derived::ENVELOPES_BY_EXPIRY, &[&at, &key]), key)];
    if envelope.acked.is_none() {
        let place = Place {
            source: envelope.source.clone(),
            id: envelope.id.clone(),
            leased_until: envelope.leased_until,
            expires_at: envelope.expires_at,
        };
        keys.push((in_queue(&envelope.target, envelope.revision), encode(&place)));
    }
    keys
}

pub(crate) fn of_provenance(provenance: &ProvenanceEntry) -> Keys {
    let key = provenance.key().into_bytes();
    vec![([imports_of(&provenance.partner), key.clone()].concat(), key)]
}

/// What the keys of a partner's entries start with, those it has withdrawn included.
pub(crate) fn imports_of(partner: &Namespace) -> Vec<u8> {
    layout::key(derived::IMPORTS_BY_PARTNER, &[partner.as_str().as_bytes(), END])
}

/// Present while an entity names the body: its table and its key stand behind the digest.
pub(crate) fn body_ref(digest: &Digest, table: u8, id: &str) -> Vec<u8> {
    [body_refs(digest), vec![table], id.into()].concat()
}

/// What the keys of those who name a body start with.
pub(crate) fn body_refs(digest: &Digest) -> Vec<u8> {
    layout::key(derived::BODY_REFS, &[digest.as_bytes()])
}

/// The tasks that had ended at `at` or before: from, to.
pub(crate) fn tasks_ended(at: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::TASKS_BY_END, at)
}

/// Present while the key counts: its peer is active and states it.
pub(crate) fn enrolled_key(origin: &Origin, kid: &Kid) -> Vec<u8> {
    let parts = [origin.as_str().as_bytes(), END, kid.as_str().as_bytes()];
    layout::key(derived::ENROLLED_KEYS, &parts)
}

/// What the keys of the live records with this card start with.
pub(crate) fn records_by_url(url: &str) -> Vec<u8> {
    layout::key(derived::RECORDS_BY_URL, &[url.as_bytes(), END])
}

/// One credential is one machine, whatever its role.
pub(crate) fn credential(digest: &Digest) -> Vec<u8> {
    layout::key(derived::CREDENTIALS, &[digest.as_bytes()])
}

/// Every pending task, the longest waiting first.
pub(crate) fn tasks_pending() -> Vec<u8> {
    layout::key(derived::TASKS_PENDING, &[])
}

/// What the keys of a node's tasks start with.
pub(crate) fn tasks_of_node(node: &NodeId) -> Vec<u8> {
    layout::key(derived::TASKS_BY_NODE, &[node.as_str().as_bytes(), END])
}

fn task_of_node(node: &NodeId, task: &TaskId) -> Vec<u8> {
    [tasks_of_node(node), task.as_str().into()].concat()
}

/// The tasks that are not over and were due at `now` or before: from, to.
pub(crate) fn tasks_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::TASKS_BY_DEADLINE, now)
}

/// The envelopes that are void at `now`: from, to.
pub(crate) fn envelopes_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::ENVELOPES_BY_EXPIRY, now)
}

/// The join tokens that are void at `now`: from, to.
pub(crate) fn join_tokens_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::JOIN_TOKENS_BY_EXPIRY, now)
}

fn until(tag: u8, now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let last = layout::key(tag, &[&now.0.to_be_bytes()]);
    (layout::key(tag, &[]), layout::past(&last))
}

/// What the keys of a queue start with, in the order of acceptance.
pub(crate) fn queue(target: &str) -> Vec<u8> {
    layout::key(derived::QUEUES, &[target.as_bytes(), END])
}

fn in_queue(target: &str, accepted: Revision) -> Vec<u8> {
    [queue(target), accepted.0.to_be_bytes().into()].concat()
}

/// What a queue's place says.
pub(crate) fn place(value: &[u8]) -> Result<Place, ViewError> {
    decode("queue place", value)
}

/// Up to `limit` ids that the derived keys in `from..to` point at.
pub(crate) fn ids(
    view: &dyn View,
    (from, to): (&[u8], &[u8]),
    limit: usize,
) -> Result<Vec<String>, ViewError> {
    let pairs = view.range(Space::Index, from, to, limit)?;
    pairs.into_iter().map(|(_, value)| text(value)).collect()
}

/// An id as a derived key's value holds it.
pub(crate) fn text(value: Vec<u8>) -> Result<String, ViewError> {
    String::from_utf8(value)
        .map_err(|cause| ViewError::Corrupt { table: "index", cause: cause.to_string() })
}
