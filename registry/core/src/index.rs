//! The derived keys: which lookups and orders the state can be read in, beside its ids.
//! Each is a function of one entity; an index must never hold what the entity does not.

use proto_types::{Digest, EnvelopeId, Namespace, NodeId, Origin, Revision, TaskId, WallMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::audience;
use crate::entry::{
    AgentEntry, CardEntry, EnvelopeEntry, GatewayEntry, JoinTokenEntry, NamespaceEntry, NodeEntry,
    PeerEntry, PeerRequest, PeerStatus, ProvenanceEntry, RecordEntry, Scope, Scoped as _,
    TaskEntry, TaskState,
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
    let origin = peer.origin.as_str().as_bytes();
    let mut keys = Vec::new();
    if let Some(manifest) = peer.current_manifest() {
        let at = manifest.expires_at.0.to_be_bytes();
        keys.push((layout::key(derived::MANIFESTS_BY_EXPIRY, &[&at, origin]), origin.to_vec()));
    }
    if let Some(domain) = peer.domain.as_ref().filter(|_| peer.status == PeerStatus::Active) {
        keys.push((domain_due(OF_PEER, domain.ask_at, origin), origin.to_vec()));
    }
    keys
}

pub(crate) fn of_peer_request(request: &PeerRequest) -> Keys {
    let id = request.key().into_bytes();
    let at = request.expires_at.0.to_be_bytes();
    let mut keys = vec![(layout::key(derived::PEER_REQUESTS_BY_EXPIRY, &[&at, &id]), id.clone())];
    if let Some(at) = request.ask_at {
        keys.push((domain_due(OF_REQUEST, at, &id), id));
    }
    keys
}

/// Tells hosts of peers and of requests apart.
const OF_PEER: &[u8] = &[0];
const OF_REQUEST: &[u8] = &[1];

fn domain_due(whose: &[u8], at: WallMs, id: &[u8]) -> Vec<u8> {
    layout::key(derived::DOMAINS_DUE, &[whose, &at.0.to_be_bytes(), id])
}

/// The peers whose host is to be asked at `now`: from, to.
pub(crate) fn peer_domains_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    domains_due(OF_PEER, now)
}

/// The requests whose host is to be asked at `now`: from, to.
pub(crate) fn request_domains_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    domains_due(OF_REQUEST, now)
}

fn domains_due(whose: &[u8], now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let last = layout::key(derived::DOMAINS_DUE, &[whose, &now.0.to_be_bytes()]);
    (layout::key(derived::DOMAINS_DUE, &[whose]), layout::past(&last))
}

/// The manifests in force that are past their expiry at `now`: from, to.
pub(crate) fn manifests_expired(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::MANIFESTS_BY_EXPIRY, now)
}

/// The requests that are void at `now`: from, to.
pub(crate) fn peer_requests_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::PEER_REQUESTS_BY_EXPIRY, now)
}

pub(crate) fn of_record(record: &RecordEntry) -> Keys {
    match record.digest {
        None => Vec::new(),
        Some(_) => {
            let handle = record.handle.as_str();
            let scope = record.scope();
            let url = records_by_url(&record.agent_card_url);
            let by_url = audience::whole_to(&scope).into_iter().map(|audience| {
                (([url.as_slice(), &audience, handle.as_bytes()].concat()), handle.into())
            });
            by_url.chain(in_lists(Listed::Records, &scope, handle)).collect()
        }
    }
}

pub(crate) fn of_card(card: &CardEntry) -> Keys {
    in_lists(Listed::Cards, &card.scope(), card.handle.as_str())
}

pub(crate) fn of_agent(agent: &AgentEntry) -> Keys {
    in_lists(Listed::Agents, &agent.scope(), agent.handle.as_str())
}

/// What is listed by who may know of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Listed {
    /// Live records.
    Records,
    /// Cards.
    Cards,
    /// Hosted agents.
    Agents,
}

/// One place in the list of every audience.
fn in_lists(listing: Listed, scope: &Scope, handle: &str) -> Keys {
    let place = |audience: &Vec<u8>| [listed(listing, audience), handle.into()].concat();
    audience::listed_to(scope).iter().map(|it| (place(it), handle.into())).collect()
}

/// What the keys of the entries that this audience knows of start with.
pub(crate) fn listed(listing: Listed, audience: &[u8]) -> Vec<u8> {
    let tag = match listing {
        Listed::Records => derived::LISTED_RECORDS,
        Listed::Cards => derived::LISTED_CARDS,
        Listed::Agents => derived::LISTED_AGENTS,
    };
    layout::key(tag, &[audience])
}

pub(crate) fn of_namespace(namespace: &NamespaceEntry) -> Keys {
    let (name, terms) = (namespace.name.as_str(), &namespace.terms);
    let below = |prefix: Vec<u8>| [prefix, name.into()].concat();
    let claimed = terms.prefixes.iter().map(|prefix| namespace_prefix(prefix));
    let owned = terms.owners.iter().map(|origin| below(namespaces_by_owner(origin)));
    let open = terms.grants.peers.iter().map(|origin| below(namespaces_by_guest(origin)));
    let shared = terms.grants.namespaces.iter();
    let shared = shared.map(|guest| below(namespaces_by_guest_namespace(guest)));
    let keys: BTreeSet<Vec<u8>> = claimed.chain(owned).chain(open).chain(shared).collect();
    keys.into_iter().map(|key| (key, name.into())).collect()
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

/// What the keys of the live records with this card start with.
pub(crate) fn records_by_url(url: &str) -> Vec<u8> {
    layout::key(derived::RECORDS_BY_URL, &[url.as_bytes(), END])
}

/// Who claims the handles that start so.
pub(crate) fn namespace_prefix(prefix: &str) -> Vec<u8> {
    layout::key(derived::NAMESPACE_PREFIXES, &[prefix.as_bytes()])
}

/// What the keys of the namespaces of this owner start with.
pub(crate) fn namespaces_by_owner(origin: &Origin) -> Vec<u8> {
    layout::key(derived::NAMESPACES_BY_OWNER, &[origin.as_str().as_bytes(), END])
}

/// What the keys of the namespaces that admit this peer start with.
pub(crate) fn namespaces_by_guest(origin: &Origin) -> Vec<u8> {
    layout::key(derived::NAMESPACES_BY_GUEST, &[origin.as_str().as_bytes(), END])
}

/// What the keys of the namespaces that admit the owners of this one start with.
pub(crate) fn namespaces_by_guest_namespace(guest: &Namespace) -> Vec<u8> {
    layout::key(derived::NAMESPACES_BY_GUEST_NAMESPACE, &[guest.as_str().as_bytes(), END])
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
    String::from_utf8(value).map_err(|cause| corrupt(&cause))
}

/// A derived key holds what no entity of ours is named.
pub(crate) fn corrupt(cause: &dyn std::fmt::Display) -> ViewError {
    ViewError::Corrupt { table: "index", cause: cause.to_string() }
}
