//! The table of provenance, and the keys that find it by partner. A key depends on its entry alone.

use proto_types::Namespace;

use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::{END, Tag};

use super::entry::ProvenanceEntry;

/// Where imported entries came from, by kind and handle.
pub const PROVENANCE: Table<ProvenanceEntry> = Table::new(22, "provenance");

/// Entries by the partner that gave them.
pub(crate) const IMPORTS_BY_PARTNER: Tag = Tag(40);

// The entry that it is about names the body.
impl Entity for ProvenanceEntry {
    fn key(&self) -> String {
        Self::key_of(self.kind, &self.handle)
    }

    fn index(&self) -> Keys {
        let key = self.key().into_bytes();
        vec![([imports_of(&self.partner), key.clone()].concat(), key)]
    }
}

/// What the keys of a partner's entries start with, those it has withdrawn included.
pub(crate) fn imports_of(partner: &Namespace) -> Vec<u8> {
    IMPORTS_BY_PARTNER.key(&[partner.as_str().as_bytes(), END])
}
