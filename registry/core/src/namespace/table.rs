//! Where namespaces lie, and what they are found by: prefixes, owners and guests.
//! Functions of one namespace alone; they must never read the state.

use std::collections::BTreeSet;

use proto_types::tlog::Fact;
use proto_types::{Digest, Namespace, Origin};

use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::{END, Tag};

use super::entry::NamespaceEntry;
use super::fact;

/// Namespaces by name.
pub const NAMESPACES: Table<NamespaceEntry> = Table::new(13, "namespace");

/// Namespaces by the prefixes that they claim.
pub(crate) const NAMESPACE_PREFIXES: Tag = Tag(30);
/// Namespaces by owner.
pub(crate) const NAMESPACES_BY_OWNER: Tag = Tag(31);
/// Namespaces by the peers that they admit.
pub(crate) const NAMESPACES_BY_GUEST: Tag = Tag(32);
/// Namespaces by those whose owners they admit.
pub(crate) const NAMESPACES_BY_GUEST_NAMESPACE: Tag = Tag(33);

impl Entity for NamespaceEntry {
    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        keys(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }

    fn fact(&self) -> Option<Fact> {
        Some(fact::of(self))
    }
}

fn keys(namespace: &NamespaceEntry) -> Keys {
    let (name, terms) = (namespace.name.as_str(), &namespace.terms);
    let below = |prefix: Vec<u8>| [prefix, name.into()].concat();
    let claimed = terms.prefixes.iter().map(|prefix| namespace_prefix(prefix));
    let owned = terms.owners.iter().map(|origin| below(namespaces_by_owner(origin)));
    let open = terms.grants.peers.iter().map(|origin| below(namespaces_by_guest(origin)));
    let shared = terms.grants.namespaces.iter();
    let shared = shared.map(|guest| below(namespaces_by_guest_namespace(guest)));
    let all: BTreeSet<Vec<u8>> = claimed.chain(owned).chain(open).chain(shared).collect();
    all.into_iter().map(|key| (key, name.into())).collect()
}

/// Who claims the handles that start so.
pub(crate) fn namespace_prefix(prefix: &str) -> Vec<u8> {
    NAMESPACE_PREFIXES.key(&[prefix.as_bytes()])
}

/// What the keys of the namespaces of this owner start with.
pub(crate) fn namespaces_by_owner(origin: &Origin) -> Vec<u8> {
    NAMESPACES_BY_OWNER.key(&[origin.as_str().as_bytes(), END])
}

/// What the keys of the namespaces that admit this peer start with.
pub(crate) fn namespaces_by_guest(origin: &Origin) -> Vec<u8> {
    NAMESPACES_BY_GUEST.key(&[origin.as_str().as_bytes(), END])
}

/// What the keys of the namespaces that admit the owners of this one start with.
pub(crate) fn namespaces_by_guest_namespace(guest: &Namespace) -> Vec<u8> {
    NAMESPACES_BY_GUEST_NAMESPACE.key(&[guest.as_str().as_bytes(), END])
}
