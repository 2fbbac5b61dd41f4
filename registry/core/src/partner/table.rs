//! The table of partners.

use crate::entity::{Entity, Table};

use super::entry::PartnerEntry;

/// Registries that are pulled from, by name.
pub const PARTNERS: Table<PartnerEntry> = Table::new(21, "partner");

impl Entity for PartnerEntry {
    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }
}
