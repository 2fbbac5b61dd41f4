//! Where search entries lie.
//! It decides nothing beyond their keys; `posting` says what they are found by.

use proto_types::Digest;

use crate::entity::{Entity, Table};
use crate::view::Pair;

use super::entry::SearchEntry;
use super::posting;

/// What a search knows, by [`SearchEntry::key_of`].
pub const SEARCHES: Table<SearchEntry> = Table::new(24, "search");

impl Entity for SearchEntry {
    fn key(&self) -> String {
        Self::key_of(self.source, &self.handle)
    }

    fn index(&self) -> Vec<Pair> {
        posting::keys(self).into_iter().map(|key| (key, Vec::new())).collect()
    }

    /// The entry that it is about keeps the body.
    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
