//! Where partners lie.
//! It decides nothing beyond their keys.

use proto_types::Digest;

use crate::entity::{Entity, Table};

use super::entry::PartnerEntry;

/// Registries that are pulled from, by name.
pub const PARTNERS: Table<PartnerEntry> = Table::new(21, "partner");

impl Entity for PartnerEntry {
    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
