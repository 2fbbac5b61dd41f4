//! How sightings, partners and provenance are keyed.
//! It decides nothing else.

use proto_types::Digest;

use crate::entry::{LivenessEntry, PartnerEntry, ProvenanceEntry};
use crate::index;

use super::Entity;

impl Entity for LivenessEntry {
    fn key(&self) -> String {
        self.subject.key()
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for PartnerEntry {
    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for ProvenanceEntry {
    fn key(&self) -> String {
        Self::key_of(self.kind, &self.handle)
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_provenance(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        // The entry itself names it.
        Vec::new()
    }
}
