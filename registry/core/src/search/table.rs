//! The table of search entries; `posting` has the keys that find them.

use crate::entity::{Entity, Table};
use crate::index::Keys;

use super::entry::SearchEntry;
use super::posting;

/// What a search knows, by [`SearchEntry::key_of`].
pub const SEARCHES: Table<SearchEntry> = Table::new(24, "search");

// The entry that it is about names the body.
impl Entity for SearchEntry {
    fn key(&self) -> String {
        Self::key_of(self.source, &self.handle)
    }

    fn index(&self) -> Keys {
        posting::keys(self).into_iter().map(|key| (key, Vec::new())).collect()
    }
}
