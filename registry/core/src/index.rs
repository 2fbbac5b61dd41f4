//! The derived keys: which lookups and orders the state can be read in, beside its ids.
//! Each is a function of one entity; an index must never hold what the entity does not.

mod conduct;
mod peers;
mod work;

use std::collections::BTreeSet;

use proto_types::{Digest, Namespace, Origin, WallMs};

pub(crate) use self::conduct::{evidence_void, of_evidence};
pub(crate) use self::peers::{
    manifests_expired, of_peer, of_peer_request, peer_domains_due, peer_requests_of_sources,
    peer_requests_void, request_domains_asked, request_domains_due,
};
pub(crate) use self::work::{
    envelopes_void, of_envelope, of_task, place, queue, tasks_due, tasks_ended, tasks_of_context,
    tasks_of_node, tasks_pending, tasks_pending_after,
};
use crate::audience;
use crate::entry::{
    AgentEntry, CardEntry, GatewayEntry, JoinTokenEntry, NamespaceEntry, NodeEntry,
    ProvenanceEntry, RecordEntry, Scope, Scoped as _,
};
use crate::layout::{self, END, derived};
use crate::table::Entity as _;
use crate::view::{Space, View, ViewError};

/// Derived keys and their values.
type Keys = Vec<(Vec<u8>, Vec<u8>)>;

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

/// The join tokens that are void at `now`: from, to.
pub(crate) fn join_tokens_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::JOIN_TOKENS_BY_EXPIRY, now)
}

fn until(tag: u8, now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let last = layout::key(tag, &[&now.0.to_be_bytes()]);
    (layout::key(tag, &[]), layout::past(&last))
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
