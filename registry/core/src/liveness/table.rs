//! Where sightings lie.
//! It decides nothing beyond their keys.

use proto_types::Digest;

use crate::entity::{Entity, Table};

use super::entry::LivenessEntry;

/// What the crawler last saw, by subject.
pub const LIVENESS: Table<LivenessEntry> = Table::new(20, "liveness");

impl Entity for LivenessEntry {
    fn key(&self) -> String {
        self.subject.key()
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
