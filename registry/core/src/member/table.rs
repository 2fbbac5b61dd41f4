//! The table of members.

use crate::entity::{Entity, Table};

use super::entry::MemberEntry;

/// Members of the cluster that joined or left it, by number.
pub const MEMBERS: Table<MemberEntry> = Table::new(28, "member");

impl Entity for MemberEntry {
    fn key(&self) -> String {
        // In the order of numbers.
        format!("{:020}", self.id)
    }
}
