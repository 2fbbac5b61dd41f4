//! Reads of the state for the shell: the same for every member, as of the view's revision.
//! They decide nothing; they must never filter by who asks (the shell knows that, the state does not).

mod check;
mod cluster;
mod federation;
mod ledger;
mod peers;
mod tenancy;

use proto_types::{
    Digest, EnvelopeId, GatewayId, Handle, NodeId, Origin, Revision, TaskId, WallMs,
};

pub use self::check::ledger_fault;
pub use self::cluster::{cluster_epoch, compacted, member, revision_at, set_cluster_epoch};
pub use self::federation::{
    imports, liveness, liveness_seen, partner, partners, peer_liveness, provenance,
};
pub use self::ledger::{
    AuditEnd, LogRows, audit_end, audit_lines, checkpoint, inclusion, log_entries, log_head,
    witnessed,
};
pub use self::tenancy::{
    agent_seen, agents_seen, card_seen, cards_seen, namespace, namespace_of, namespaces,
    namespaces_owned, record_of_card, record_seen, records_listed, token_spent, usage, viewer,
};
use crate::counter;
use crate::entry::{
    AgentEntry, CardEntry, ChangeEvent, EnvelopeEntry, GatewayEntry, JoinTokenEntry, NodeEntry,
    PeerEntry, RecordEntry, TaskEntry,
};
use crate::index;
use crate::layout;
use crate::table::{
    AGENTS, CARDS, ENVELOPES, Entity, GATEWAYS, JOIN_TOKENS, NODES, PEERS, RECORDS, TASKS, Table,
    body_key, decode, envelope_key,
};
use crate::view::{Space, View, ViewError};

pub use self::peers::{
    DomainsDue, assurance, domains_due, expired_manifests, peer_log, peer_log_from, peer_request,
    peer_requests, peer_requests_waiting,
};

/// What every read can fail with: the store itself, or a value that does not decode.
type Read<T> = Result<T, ViewError>;

/// The newest revision.
///
/// # Errors
/// As every read here: the store failed, or is corrupt.
pub fn revision(view: &dyn View) -> Read<Revision> {
    counter::read(view, counter::REVISION).map(Revision)
}

/// The state machine's time.
///
/// # Errors
/// As [`revision`].
pub fn clock(view: &dyn View) -> Read<WallMs> {
    counter::read(view, counter::CLOCK).map(WallMs)
}

/// The bytes of this digest.
///
/// # Errors
/// As [`revision`].
pub fn body(view: &dyn View, digest: &Digest) -> Read<Option<Vec<u8>>> {
    view.value(Space::Bodies, &body_key(digest))
}

/// Up to `limit` changes after `since`, in order.
///
/// # Errors
/// As [`revision`].
pub fn changes(view: &dyn View, since: Revision, limit: usize) -> Read<Vec<ChangeEvent>> {
    let from = since.next().0.to_be_bytes();
    let past_all = [u8::MAX; size_of::<u64>() + 1];
    let pairs = view.range(Space::Changes, &from, &past_all, limit)?;
    pairs.iter().map(|(_, value)| decode("change", value)).collect()
}

/// The peer of this origin.
///
/// # Errors
/// As [`revision`].
pub fn peer(view: &dyn View, origin: &Origin) -> Read<Option<PeerEntry>> {
    PEERS.entry(view, origin.as_str())
}

/// Up to `limit` peers after `after`, revoked ones included, by origin.
///
/// # Errors
/// As [`revision`].
pub fn peers(view: &dyn View, after: Option<&Origin>, limit: usize) -> Read<Vec<PeerEntry>> {
    PEERS.list(view, after.map(Origin::as_str), limit)
}

/// The record of this handle; its tombstone (no `digest`) if it was deleted.
///
/// # Errors
/// As [`revision`].
pub fn record(view: &dyn View, handle: &Handle) -> Read<Option<RecordEntry>> {
    RECORDS.entry(view, handle.as_str())
}

/// Up to `limit` live records after `after`, by handle. Tombstones are passed over.
///
/// # Errors
/// As [`revision`].
pub fn records(view: &dyn View, after: Option<&Handle>, limit: usize) -> Read<Vec<RecordEntry>> {
    let mut found: Vec<RecordEntry> = Vec::new();
    let mut after = after.map(|handle| handle.as_str().to_owned());
    while found.len() < limit {
        let wanted = limit - found.len();
        let page = RECORDS.list(view, after.as_deref(), wanted)?;
        let short = page.len() < wanted;
        after = page.last().map(Entity::key);
        found.extend(page.into_iter().filter(|record| record.digest.is_some()));
        if short {
            break;
        }
    }
    Ok(found)
}

/// The first live record, by handle, whose card is at this URL.
///
/// # Errors
/// As [`revision`].
pub fn record_by_card_url(view: &dyn View, url: &str) -> Read<Option<RecordEntry>> {
    Ok(pointed(view, &RECORDS, &index::records_by_url(url), 1)?.pop())
}

/// The card of this handle.
///
/// # Errors
/// As [`revision`].
pub fn card(view: &dyn View, handle: &Handle) -> Read<Option<CardEntry>> {
    CARDS.entry(view, handle.as_str())
}

/// Up to `limit` cards after `after`, by handle.
///
/// # Errors
/// As [`revision`].
pub fn cards(view: &dyn View, after: Option<&Handle>, limit: usize) -> Read<Vec<CardEntry>> {
    CARDS.list(view, after.map(Handle::as_str), limit)
}

/// The hosted agent of this handle.
///
/// # Errors
/// As [`revision`].
pub fn agent(view: &dyn View, handle: &Handle) -> Read<Option<AgentEntry>> {
    AGENTS.entry(view, handle.as_str())
}

/// Up to `limit` hosted agents after `after`, by handle.
///
/// # Errors
/// As [`revision`].
pub fn agents(view: &dyn View, after: Option<&Handle>, limit: usize) -> Read<Vec<AgentEntry>> {
    AGENTS.list(view, after.map(Handle::as_str), limit)
}

/// The gateway of this id.
///
/// # Errors
/// As [`revision`].
pub fn gateway(view: &dyn View, id: &GatewayId) -> Read<Option<GatewayEntry>> {
    GATEWAYS.entry(view, id.as_str())
}

/// Up to `limit` gateways after `after`, by id.
///
/// # Errors
/// As [`revision`].
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
/// As [`revision`].
pub fn gateway_by_credential(view: &dyn View, digest: &Digest) -> Read<Option<GatewayEntry>> {
    by_credential(view, digest, &GATEWAYS, "gateway/")
}

/// The node of this id.
///
/// # Errors
/// As [`revision`].
pub fn node(view: &dyn View, id: &NodeId) -> Read<Option<NodeEntry>> {
    NODES.entry(view, id.as_str())
}

/// Up to `limit` nodes after `after`, lost ones included, by id.
///
/// # Errors
/// As [`revision`].
pub fn nodes(view: &dyn View, after: Option<&NodeId>, limit: usize) -> Read<Vec<NodeEntry>> {
    NODES.list(view, after.map(NodeId::as_str), limit)
}

/// The node that has this credential.
///
/// # Errors
/// As [`revision`].
pub fn node_by_credential(view: &dyn View, digest: &Digest) -> Read<Option<NodeEntry>> {
    by_credential(view, digest, &NODES, "node/")
}

/// The task of this id.
///
/// # Errors
/// As [`revision`].
pub fn task(view: &dyn View, id: &TaskId) -> Read<Option<TaskEntry>> {
    TASKS.entry(view, id.as_str())
}

/// Up to `limit` tasks that wait for a node, the longest waiting first.
///
/// # Errors
/// As [`revision`].
pub fn pending_tasks(view: &dyn View, limit: usize) -> Read<Vec<TaskEntry>> {
    pointed(view, &TASKS, &index::tasks_pending(), limit)
}

/// Up to `limit` tasks that this node holds, by id.
///
/// # Errors
/// As [`revision`].
pub fn tasks_of_node(view: &dyn View, node: &NodeId, limit: usize) -> Read<Vec<TaskEntry>> {
    pointed(view, &TASKS, &index::tasks_of_node(node), limit)
}

/// Up to `limit` tasks that have not ended and were due at `now`, the longest overdue first.
///
/// # Errors
/// As [`revision`].
pub fn overdue_tasks(view: &dyn View, now: WallMs, limit: usize) -> Read<Vec<TaskEntry>> {
    let (from, to) = index::tasks_due(now);
    let ids = index::ids(view, (&from, &to), limit)?;
    entries(view, &TASKS, &ids)
}

/// The tasks that have not ended.
///
/// # Errors
/// As [`revision`].
pub fn open_tasks(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::OPEN_TASKS)
}

/// The envelope of this id, acknowledged or not, while it is known.
///
/// # Errors
/// As [`revision`].
pub fn envelope(view: &dyn View, source: &Origin, id: &EnvelopeId) -> Read<Option<EnvelopeEntry>> {
    ENVELOPES.entry(view, &envelope_key(source, id))
}

/// How many envelopes wait for this target, leased ones included.
///
/// # Errors
/// As [`revision`].
pub fn queue_depth(view: &dyn View, target: &str) -> Read<u64> {
    counter::read(view, &counter::queue_depth(target))
}

/// The join token of this hash, spent or not, while it is known.
///
/// # Errors
/// As [`revision`].
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

/// The entries that the derived keys under a prefix point at.
fn pointed<T: Entity>(
    view: &dyn View,
    table: &Table<T>,
    prefix: &[u8],
    limit: usize,
) -> Read<Vec<T>> {
    let ids = index::ids(view, (prefix, &layout::past(prefix)), limit)?;
    entries(view, table, &ids)
}

fn entries<T: Entity>(view: &dyn View, table: &Table<T>, ids: &[String]) -> Read<Vec<T>> {
    let found = ids.iter().map(|id| table.entry(view, id));
    found.filter_map(Result::transpose).collect()
}
