//! The table of sightings.

use crate::entity::{Entity, Table};

use super::entry::ReachabilityEntry;

/// What the crawler last saw, by subject.
pub const REACHABILITY: Table<ReachabilityEntry> = Table::new(20, "liveness");

impl Entity for ReachabilityEntry {
    fn key(&self) -> String {
        self.subject.key()
    }
}
