//! The table of namespaces, and the keys that find one by prefix, owner or guest. A key depends on its namespace alone.

use std::collections::BTreeSet;

use proto_types::tlog::Fact;
use proto_types::{Namespace, Origin};

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

    fn index(&self) -> Keys {
        let (name, terms) = (self.name.as_str(), &self.terms);
        let below = |prefix: Vec<u8>| [prefix, name.into()].concat();
        let claimed = terms.prefixes.iter().map(|prefix| namespace_prefix(prefix));
        let owned = terms.owners.iter().map(|origin| below(namespaces_by_owner(origin)));
        let open = terms.grants.peers.iter().map(|origin| below(namespaces_by_guest(origin)));
        let shared = terms.grants.namespaces.iter();
        let shared = shared.map(|guest| below(namespaces_by_guest_namespace(guest)));
        let all: BTreeSet<Vec<u8>> = claimed.chain(owned).chain(open).chain(shared).collect();
        all.into_iter().map(|key| (key, name.into())).collect()
    }

    fn fact(&self) -> Option<Fact> {
        Some(fact::of(self))
    }
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
