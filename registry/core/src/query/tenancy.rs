//! Reads about namespaces, and the reads of entries that respect who looks.
//! They decide nothing: `viewer` and `audience` say who sees what. They must never meet a hidden
//! entry on the way to a visible one.

use std::collections::BTreeSet;

use proto_types::{Digest, Handle, Namespace, Origin, WallMs};

use super::{Read, agent, card, cards, clock, peer, record, records};
use crate::apply::token_is_spent;
use crate::audience;
use crate::counter;
use crate::entry::{
    AgentEntry, CardEntry, NamespaceEntry, PeerStatus, RecordEntry, Scoped, Terms, Usage,
};
use crate::index::{self, Listed};
use crate::layout;
use crate::table::{AGENTS, CARDS, Entity, NAMESPACES, Table};
use crate::view::{Space, View};
use crate::viewer::{Disclosure, PeerViewer, Viewer};

/// As many as there can be: `apply` counts them.
const NAMESPACES_MAX: usize = 1_024;

/// Records of one card that an operator is shown the first of. Arbitrary.
const SAME_CARD_MAX: usize = 64;

/// The namespace of this name.
///
/// # Errors
/// As [`super::revision`].
pub fn namespace(view: &dyn View, name: &Namespace) -> Read<Option<NamespaceEntry>> {
    NAMESPACES.entry(view, name.as_str())
}

/// Up to `limit` namespaces after `after`, by name.
///
/// # Errors
/// As [`super::revision`].
pub fn namespaces(
    view: &dyn View,
    after: Option<&Namespace>,
    limit: usize,
) -> Read<Vec<NamespaceEntry>> {
    NAMESPACES.list(view, after.map(Namespace::as_str), limit)
}

/// The namespace that a handle is in: the one that claims its longest prefix.
///
/// # Errors
/// As [`super::revision`].
pub fn namespace_of(view: &dyn View, handle: &Handle) -> Read<Namespace> {
    let lengths = counter::read(view, counter::PREFIX_LENGTHS)?;
    let handle = handle.as_str();
    let claimed = |len: &usize| *len <= handle.len() && lengths >> (len - 1) & 1 == 1;
    for len in (1..=64).rev().filter(claimed) {
        // Handles are ASCII, so every length is a boundary.
        let key = index::namespace_prefix(&handle[..len]);
        if let Some(name) = view.value(Space::Index, &key)? {
            let name = index::text(name)?;
            return Namespace::parse(&name).map_err(|cause| index::corrupt(&cause));
        }
    }
    Ok(Namespace::default())
}

/// How much a namespace keeps.
///
/// # Errors
/// As [`super::revision`].
pub fn usage(view: &dyn View, name: &Namespace) -> Read<Usage> {
    let read = |what| counter::read(view, &counter::of_namespace(name, what));
    Ok(Usage {
        records: read(counter::RECORDS_OF)?,
        cards: read(counter::CARDS_OF)?,
        agents: read(counter::AGENTS_OF)?,
        bytes: read(counter::BYTES_OF)?,
    })
}

/// The namespaces that this peer owns.
///
/// # Errors
/// As [`super::revision`].
pub fn namespaces_owned(view: &dyn View, origin: &Origin) -> Read<BTreeSet<Namespace>> {
    names(view, &index::namespaces_by_owner(origin))
}

/// The eyes of a peer; those of anybody if it is not enrolled and active.
///
/// # Errors
/// As [`super::revision`].
pub fn viewer(view: &dyn View, origin: &Origin) -> Read<Viewer> {
    let active = peer(view, origin)?.is_some_and(|peer| peer.status == PeerStatus::Active);
    if !active {
        return Ok(Viewer::Anonymous);
    }
    let mut namespaces = namespaces_owned(view, origin)?;
    let mut admitted = names(view, &index::namespaces_by_guest(origin))?;
    for owned in &namespaces {
        admitted.extend(names(view, &index::namespaces_by_guest_namespace(owned))?);
    }
    namespaces.extend(admitted);
    Ok(Viewer::Peer(PeerViewer { origin: origin.clone(), namespaces }))
}

/// Every peer that a namespace admits: [`viewer`] seen from the other side.
///
/// # Errors
/// As [`super::revision`].
pub fn admitted(view: &dyn View, entry: &NamespaceEntry) -> Read<BTreeSet<Origin>> {
    let Terms { owners, grants, .. } = &entry.terms;
    let mut admitted: BTreeSet<_> = owners.iter().chain(&grants.peers).cloned().collect();
    for name in &grants.namespaces {
        let guests = namespace(view, name)?;
        admitted.extend(guests.into_iter().flat_map(|guests| guests.terms.owners));
    }
    Ok(admitted)
}

/// The record of this handle as far as it exists to the viewer. No tombstones.
///
/// # Errors
/// As [`super::revision`].
pub fn record_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(RecordEntry, Disclosure)>> {
    Ok(seen(viewer, record(view, handle)?.filter(|record| record.digest.is_some())))
}

/// The card of this handle as far as it exists to the viewer.
///
/// # Errors
/// As [`super::revision`].
pub fn card_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(CardEntry, Disclosure)>> {
    Ok(seen(viewer, card(view, handle)?))
}

/// The hosted agent of this handle as far as it exists to the viewer.
///
/// # Errors
/// As [`super::revision`].
pub fn agent_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(AgentEntry, Disclosure)>> {
    Ok(seen(viewer, agent(view, handle)?))
}

fn seen<T: Scoped>(viewer: &Viewer, entry: Option<T>) -> Option<(T, Disclosure)> {
    let entry = entry?;
    let disclosure = viewer.disclosure(&entry.scope());
    (disclosure > Disclosure::Hidden).then_some((entry, disclosure))
}

/// Up to `limit` handles after `after` of the live records that exist to the viewer.
///
/// # Errors
/// As [`super::revision`].
pub fn records_listed(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<Handle>> {
    match audience::lists_of(viewer) {
        Some(audiences) => listed(view, &audiences, Listed::Records, (after, limit)),
        None => Ok(records(view, after, limit)?.into_iter().map(|record| record.handle).collect()),
    }
}

/// Up to `limit` handles after `after` of the cards that exist to the viewer.
///
/// # Errors
/// As [`super::revision`].
pub fn cards_listed(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<Handle>> {
    match audience::lists_of(viewer) {
        Some(audiences) => listed(view, &audiences, Listed::Cards, (after, limit)),
        None => Ok(cards(view, after, limit)?.into_iter().map(|card| card.handle).collect()),
    }
}

/// Up to `limit` cards after `after` that exist to the viewer, by handle.
///
/// # Errors
/// As [`super::revision`].
pub fn cards_seen(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<(CardEntry, Disclosure)>> {
    entries(view, viewer, (&CARDS, Listed::Cards), (after, limit))
}

/// Up to `limit` hosted agents after `after` that exist to the viewer, by handle.
///
/// # Errors
/// As [`super::revision`].
pub fn agents_seen(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<(AgentEntry, Disclosure)>> {
    entries(view, viewer, (&AGENTS, Listed::Agents), (after, limit))
}

/// The first live record, by handle, whose card is at this URL and of which the viewer sees all: to
/// others the URL is hidden.
///
/// # Errors
/// As [`super::revision`].
pub fn record_of_card(view: &dyn View, viewer: &Viewer, url: &str) -> Read<Option<Handle>> {
    let prefix = index::records_by_url(url);
    let prefixes = match audience::whole_of(viewer) {
        Some(audiences) => audiences.iter().map(|it| [prefix.as_slice(), it].concat()).collect(),
        None => vec![prefix],
    };
    let mut first: Option<String> = None;
    for prefix in prefixes {
        let found = index::ids(view, (&prefix, &layout::past(&prefix)), SAME_CARD_MAX)?;
        first = found.into_iter().chain(first).min();
    }
    first.map(|handle| parsed(&handle)).transpose()
}

/// Whether a token counts as spent now.
///
/// # Errors
/// As [`super::revision`].
pub fn token_spent(view: &dyn View, hash: &Digest, until: WallMs) -> Read<bool> {
    token_is_spent(view, hash, (clock(view)?, until))
}

fn entries<T: Entity + Scoped>(
    view: &dyn View,
    viewer: &Viewer,
    (table, listing): (&Table<T>, Listed),
    (after, limit): (Option<&Handle>, usize),
) -> Read<Vec<(T, Disclosure)>> {
    let Some(audiences) = audience::lists_of(viewer) else {
        let page = table.list(view, after.map(Handle::as_str), limit)?;
        return Ok(page.into_iter().map(|entry| (entry, Disclosure::Whole)).collect());
    };
    let mut found = Vec::new();
    for handle in listed(view, &audiences, listing, (after, limit))? {
        found.extend(seen(viewer, table.entry(view, handle.as_str())?));
    }
    Ok(found)
}

/// The first handles after `after` in the lists of the viewer's audiences together.
fn listed(
    view: &dyn View,
    audiences: &[Vec<u8>],
    listing: Listed,
    (after, limit): (Option<&Handle>, usize),
) -> Read<Vec<Handle>> {
    let mut first: BTreeSet<String> = BTreeSet::new();
    for audience in audiences {
        let list = index::listed(listing, audience);
        let at = |handle: &str| [list.as_slice(), handle.as_bytes()].concat();
        let from = after.map_or_else(|| list.clone(), |last| layout::after(&at(last.as_str())));
        // What comes after a full page's last handle is not on the page.
        let full = first.last().filter(|_| first.len() >= limit);
        let to = full.map_or_else(|| layout::past(&list), |last| at(last));
        first.extend(index::ids(view, (&from, &to), limit)?);
        while first.len() > limit {
            first.pop_last();
        }
    }
    first.iter().map(|handle| parsed(handle)).collect()
}

fn parsed(handle: &str) -> Read<Handle> {
    Handle::parse(handle).map_err(|cause| index::corrupt(&cause))
}

fn names(view: &dyn View, prefix: &[u8]) -> Read<BTreeSet<Namespace>> {
    let found = index::ids(view, (prefix, &layout::past(prefix)), NAMESPACES_MAX)?;
    let parsed = |name: String| Namespace::parse(&name).map_err(|cause| index::corrupt(&cause));
    found.into_iter().map(parsed).collect()
}
