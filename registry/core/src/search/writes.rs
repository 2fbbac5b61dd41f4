//! The writes that replace one search entry by another: its keys, its counts and itself, together. No key and no count of
//! the old entry is left behind.

use std::collections::BTreeSet;

use crate::entity::Entity as _;
use crate::view::{Read, Space, View, Write};

use super::entry::SearchEntry;
use super::table::SEARCHES;
use super::{posting, statistics};

/// The writes that bring the search from `kept` to `next`, both about the same entry.
///
/// # Errors
/// The store failed, or its counts do not fit its entries.
pub fn replace(
    view: &dyn View,
    kept: Option<&SearchEntry>,
    next: Option<&SearchEntry>,
) -> Read<Vec<Write>> {
    let counted = |entry: Option<&SearchEntry>| entry.map(statistics::counted).unwrap_or_default();
    let mut writes = statistics::moved(view, counted(kept), counted(next))?;
    let keys = |entry: Option<&SearchEntry>| -> BTreeSet<Vec<u8>> {
        entry.map(posting::keys).unwrap_or_default().into_iter().collect()
    };
    let (before, after) = (keys(kept), keys(next));
    let space = Space::Index;
    let gone = before.difference(&after).cloned();
    writes.extend(gone.map(|key| Write::Delete { space, key }));
    let new = after.difference(&before).cloned();
    writes.extend(new.map(|key| Write::Put { space, key, value: Vec::new() }));
    writes.extend(match (kept, next) {
        (_, Some(next)) => Some(SEARCHES.put(next)),
        (Some(kept), None) => Some(SEARCHES.delete(&kept.key())),
        (None, None) => None,
    });
    Ok(writes)
}
