//! Reads of the state for the shell: the same for every member, as of the view's revision.
//! They decide nothing; they must never filter by who asks (the shell knows that, the state does not).

mod check;
mod cluster;
mod conduct;
mod federation;
mod fleet;
mod instance;
mod ledger;
mod peers;
mod tenancy;

use proto_types::{Digest, Handle, Origin, Revision, WallMs};

pub use self::check::ledger_fault;
pub use self::cluster::{cluster_epoch, cluster_id, compacted, member, revision_at};
pub use self::conduct::{Line as EvidenceLine, Reputation, reputation};
pub use self::federation::{
    imports, liveness, liveness_seen, partner, partners, peer_liveness, provenance,
};
pub use self::fleet::{
    envelope, gateway, gateway_by_credential, gateways, join_token, kept_bytes, node,
    node_by_credential, nodes, open_tasks, overdue_tasks, pending_tasks, pending_tasks_after,
    queue_depth, task, tasks_of_node,
};
pub use self::instance::{instance, instance_of, instances};
pub use self::ledger::{
    AuditEnd, LogRows, audit_end, audit_lines, checkpoint, inclusion, log_entries, log_head,
    witnessed, witnessed_epoch,
};
pub use self::peers::{
    DomainsDue, assurance, domains_due, expired_manifests, peer_log, peer_log_from, peer_request,
    peer_requests, peer_requests_waiting,
};
pub use self::tenancy::{
    admitted, agent_seen, agents_seen, card_seen, cards_listed, cards_seen, namespace,
    namespace_of, namespaces, namespaces_owned, record_of_card, record_seen, records_listed,
    token_spent, usage, viewer,
};
use crate::counter;
use crate::entry::{AgentEntry, CardEntry, ChangeEvent, PeerEntry, RecordEntry};
use crate::index;
use crate::layout;
use crate::table::{AGENTS, CARDS, Entity, PEERS, RECORDS, Table, body_key, decode};
use crate::view::{Space, View, ViewError};

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
