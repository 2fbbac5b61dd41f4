//! Reads of namespaces: their terms, what is in them, and whom they admit.

use std::collections::BTreeSet;

use proto_types::{Handle, Namespace, Origin};

use crate::counter;
use crate::index;
use crate::layout;
use crate::peer;
use crate::peer::entry::PeerStatus;
use crate::view::{Read, Space, View};
use crate::viewer::{PeerViewer, Viewer};

use super::entry::{NamespaceEntry, Terms, Usage};
use super::table::{self, NAMESPACES};

/// As many as there can be: `apply` counts them.
const NAMESPACES_MAX: usize = 1_024;

/// The namespace of this name.
pub fn namespace(view: &dyn View, name: &Namespace) -> Read<Option<NamespaceEntry>> {
    NAMESPACES.entry(view, name.as_str())
}

/// Up to `limit` namespaces after `after`, by name.
pub fn namespaces(
    view: &dyn View,
    after: Option<&Namespace>,
    limit: usize,
) -> Read<Vec<NamespaceEntry>> {
    NAMESPACES.list(view, after.map(Namespace::as_str), limit)
}

/// The namespace that a handle is in: the one that claims its longest prefix.
pub fn namespace_of(view: &dyn View, handle: &Handle) -> Read<Namespace> {
    let lengths = counter::read(view, counter::PREFIX_LENGTHS)?;
    let handle = handle.as_str();
    let claimed = |len: &usize| *len <= handle.len() && lengths >> (len - 1) & 1 == 1;
    for len in (1..=64).rev().filter(claimed) {
        // Handles are ASCII, so every length is a boundary.
        let key = table::namespace_prefix(&handle[..len]);
        if let Some(name) = view.value(Space::Index, &key)? {
            let name = index::text(name)?;
            return Namespace::parse(&name).map_err(|cause| index::corrupt(&cause));
        }
    }
    Ok(Namespace::default())
}

/// How much a namespace keeps.
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
pub fn namespaces_owned(view: &dyn View, origin: &Origin) -> Read<BTreeSet<Namespace>> {
    names(view, &table::namespaces_by_owner(origin))
}

/// The eyes of a peer; those of anybody if it is not enrolled and active.
pub fn viewer(view: &dyn View, origin: &Origin) -> Read<Viewer> {
    let active =
        peer::query::peer(view, origin)?.is_some_and(|peer| peer.status == PeerStatus::Active);
    if !active {
        return Ok(Viewer::Anonymous);
    }
    let mut namespaces = namespaces_owned(view, origin)?;
    let mut admitted = names(view, &table::namespaces_by_guest(origin))?;
    for owned in &namespaces {
        admitted.extend(names(view, &table::namespaces_by_guest_namespace(owned))?);
    }
    namespaces.extend(admitted);
    Ok(Viewer::Peer(PeerViewer { origin: origin.clone(), namespaces }))
}

/// Every peer that a namespace admits: [`viewer`] seen from the other side.
pub fn admitted(view: &dyn View, entry: &NamespaceEntry) -> Read<BTreeSet<Origin>> {
    let Terms { owners, grants, .. } = &entry.terms;
    let mut admitted: BTreeSet<_> = owners.iter().chain(&grants.peers).cloned().collect();
    for name in &grants.namespaces {
        let guests = namespace(view, name)?;
        admitted.extend(guests.into_iter().flat_map(|guests| guests.terms.owners));
    }
    Ok(admitted)
}

fn names(view: &dyn View, prefix: &[u8]) -> Read<BTreeSet<Namespace>> {
    let found = index::ids(view, (prefix, &layout::past(prefix)), NAMESPACES_MAX)?;
    let parsed = |name: String| Namespace::parse(&name).map_err(|cause| index::corrupt(&cause));
    found.into_iter().map(parsed).collect()
}
