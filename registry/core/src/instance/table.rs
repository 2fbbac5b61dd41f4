//! The table of instances.

use crate::entity::{Entity, Table};

use super::entry::InstanceEntry;

/// Instances that publish with a token of their own, by tenant key.
pub const INSTANCES: Table<InstanceEntry> = Table::new(33, "instance");

impl Entity for InstanceEntry {
    fn key(&self) -> String {
        self.tenant.as_str().to_owned()
    }
}
