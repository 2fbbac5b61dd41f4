//! Reads of what serves and what is to be done: gateways, nodes, tasks, envelopes, join tokens.
//! They decide nothing.

use proto_types::{Digest, EnvelopeId, GatewayId, NodeId, Origin, Revision, TaskId, WallMs};

use super::{Read, entries, pointed};
use crate::counter;
use crate::entry::{EnvelopeEntry, GatewayEntry, JoinTokenEntry, NodeEntry, TaskEntry};
use crate::index;
use crate::table::{ENVELOPES, Entity, GATEWAYS, JOIN_TOKENS, NODES, TASKS, Table, envelope_key};
use crate::view::{Space, View};

/// The gateway of this id.
///
/// # Errors
/// As [`super::revision`].
pub fn gateway(view: &dyn View, id: &GatewayId) -> Read<Option<GatewayEntry>> {
    GATEWAYS.entry(view, id.as_str())
}

/// Up to `limit` gateways after `after`, by id.
///
/// # Errors
/// As [`super::revision`].
pub fn gateways(
    view: &dyn View,
    after: Option<&GatewayId>,
    limit: usize,
) -> Read<Vec<GatewayEntry>> {
    GATEWAYS.list(view, after.map(GatewayId::as_str), limit)
}

/// The gateway that has this credential.
///
/// # Errors
/// As [`super::revision`].
pub fn gateway_by_credential(view: &dyn View, digest: &Digest) -> Read<Option<GatewayEntry>> {
    by_credential(view, digest, &GATEWAYS, "gateway/")
}

/// The node of this id.
///
/// # Errors
/// As [`super::revision`].
pub fn node(view: &dyn View, id: &NodeId) -> Read<Option<NodeEntry>> {
    NODES.entry(view, id.as_str())
}

/// Up to `limit` nodes after `after`, lost ones included, by id.
///
/// # Errors
/// As [`super::revision`].
pub fn nodes(view: &dyn View, after: Option<&NodeId>, limit: usize) -> Read<Vec<NodeEntry>> {
    NODES.list(view, after.map(NodeId::as_str), limit)
}

/// The node that has this credential.
///
/// # Errors
/// As [`super::revision`].
pub fn node_by_credential(view: &dyn View, digest: &Digest) -> Read<Option<NodeEntry>> {
    by_credential(view, digest, &NODES, "node/")
}

/// The task of this id.
///
/// # Errors
/// As [`super::revision`].
pub fn task(view: &dyn View, id: &TaskId) -> Read<Option<TaskEntry>> {
    TASKS.entry(view, id.as_str())
}

/// Up to `limit` tasks that wait for a node, the longest waiting first.
///
/// # Errors
/// As [`super::revision`].
pub fn pending_tasks(view: &dyn View, limit: usize) -> Read<Vec<TaskEntry>> {
    pointed(view, &TASKS, &index::tasks_pending(), limit)
}

/// Up to `limit` tasks that wait for a node and came to wait after this revision, in that order.
///
/// # Errors
/// As [`super::revision`].
pub fn pending_tasks_after(view: &dyn View, after: Revision, limit: usize) -> Read<Vec<TaskEntry>> {
    let (from, to) = index::tasks_pending_after(after);
    let ids = index::ids(view, (&from, &to), limit)?;
    entries(view, &TASKS, &ids)
}

/// Up to `limit` tasks that this node holds, by id.
///
/// # Errors
/// As [`super::revision`].
pub fn tasks_of_node(view: &dyn View, node: &NodeId, limit: usize) -> Read<Vec<TaskEntry>> {
    pointed(view, &TASKS, &index::tasks_of_node(node), limit)
}

/// Up to `limit` tasks that have not ended and were due at `now`, the longest overdue first.
///
/// # Errors
/// As [`super::revision`].
pub fn overdue_tasks(view: &dyn View, now: WallMs, limit: usize) -> Read<Vec<TaskEntry>> {
    let (from, to) = index::tasks_due(now);
    let ids = index::ids(view, (&from, &to), limit)?;
    entries(view, &TASKS, &ids)
}

/// The tasks that have not ended.
///
/// # Errors
/// As [`super::revision`].
pub fn open_tasks(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::OPEN_TASKS)
}

/// The bytes that are kept for tasks and envelopes, as the storage quota counts them.
///
/// # Errors
/// As [`super::revision`].
pub fn kept_bytes(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::KEPT_BYTES)
}

/// The envelope of this id, acknowledged or not, while it is known.
///
/// # Errors
/// As [`super::revision`].
pub fn envelope(view: &dyn View, source: &Origin, id: &EnvelopeId) -> Read<Option<EnvelopeEntry>> {
    ENVELOPES.entry(view, &envelope_key(source, id))
}

/// How many envelopes wait for this target, leased ones included.
///
/// # Errors
/// As [`super::revision`].
pub fn queue_depth(view: &dyn View, target: &str) -> Read<u64> {
    counter::read(view, &counter::queue_depth(target))
}

/// The join token of this hash, spent or not, while it is known.
///
/// # Errors
/// As [`super::revision`].
pub fn join_token(view: &dyn View, hash: &Digest) -> Read<Option<JoinTokenEntry>> {
    JOIN_TOKENS.entry(view, &hash.hex())
}

fn by_credential<T: Entity>(
    view: &dyn View,
    digest: &Digest,
    table: &Table<T>,
    role: &str,
) -> Read<Option<T>> {
    let Some(value) = view.value(Space::Index, &index::credential(digest))? else {
        return Ok(None);
    };
    match index::text(value)?.strip_prefix(role) {
        Some(id) => table.entry(view, id),
        None => Ok(None),
    }
}
