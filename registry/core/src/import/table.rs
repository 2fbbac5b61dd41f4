//! Where provenance lies, and how it is found by partner.
//! Functions of one entry alone; they must never read the state.

use proto_types::{Digest, Namespace};

use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::{END, Tag};

use super::entry::ProvenanceEntry;

/// Where imported entries came from, by kind and handle.
pub const PROVENANCE: Table<ProvenanceEntry> = Table::new(22, "provenance");

/// Entries by the partner that gave them.
pub(crate) const IMPORTS_BY_PARTNER: Tag = Tag(40);

impl Entity for ProvenanceEntry {
    fn key(&self) -> String {
        Self::key_of(self.kind, &self.handle)
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        keys(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        // The entry itself names it.
        Vec::new()
    }
}

fn keys(provenance: &ProvenanceEntry) -> Keys {
    let key = provenance.key().into_bytes();
    vec![([imports_of(&provenance.partner), key.clone()].concat(), key)]
}

/// What the keys of a partner's entries start with, those it has withdrawn included.
pub(crate) fn imports_of(partner: &Namespace) -> Vec<u8> {
    IMPORTS_BY_PARTNER.key(&[partner.as_str().as_bytes(), END])
}
