//! The table of policies. A policy names one body, its text.

use proto_types::Digest;

use crate::entity::{Entity, Table};

use super::entry::PolicyEntry;

/// Policies by name.
pub const POLICIES: Table<PolicyEntry> = Table::new(40, "policy");

impl Entity for PolicyEntry {
    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.digest]
    }
}
