//! Where members of the cluster lie.
//! It decides nothing beyond their keys.

use proto_types::Digest;

use crate::entity::{Entity, Table};

use super::entry::MemberEntry;

/// Members of the cluster that joined or left it, by number.
pub const MEMBERS: Table<MemberEntry> = Table::new(28, "member");

impl Entity for MemberEntry {
    fn key(&self) -> String {
        // In the order of numbers.
        format!("{:020}", self.id)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
