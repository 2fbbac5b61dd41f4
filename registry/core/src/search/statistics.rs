//! The number of public entries that have a term: it makes a word rare, and says which filter is tried first. Only public
//! entries count, so that no score tells that a hidden entry exists. Numbers and search entries change in the same draft.

use std::collections::BTreeMap;

use crate::layout::Tag;
use crate::view::{Read, Space, View, ViewError, Write};
use crate::visibility::Visibility;

use super::entry::SearchEntry;
use super::query::Facet;
use super::terms::TermKind;

/// The counts by term and by facet.
pub(crate) const SEARCH_STATISTICS: Tag = Tag(25);

/// The byte before a facet, where a term has its kind.
const FACET: u8 = b'!';

/// How many public entries have this term.
pub(super) fn with_term(view: &dyn View, kind: TermKind, text: &str) -> Read<u64> {
    read(view, &term_key(kind, text))
}

/// How many public entries have one of these facets.
pub(super) fn with_facet(view: &dyn View, all: &[Facet]) -> Read<u64> {
    all.iter().map(|facet| read(view, &facet_key(*facet))).sum()
}

/// What an entry counts for; nothing unless it is public.
pub(crate) fn counted(entry: &SearchEntry) -> Vec<Vec<u8>> {
    if entry.scope.visibility != Visibility::Public {
        return Vec::new();
    }
    let terms = entry.document.terms.iter().map(|term| term_key(term.kind, term.text));
    terms.chain([facet_key(Facet::of(entry))]).collect()
}

/// The writes that let one entry take the place of another in the counts.
pub(crate) fn moved(
    view: &dyn View,
    before: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
) -> Read<Vec<Write>> {
    let mut changes: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    before.into_iter().for_each(|key| *changes.entry(key).or_default() -= 1);
    after.into_iter().for_each(|key| *changes.entry(key).or_default() += 1);
    changes.retain(|_, change| *change != 0);
    let keys: Vec<&[u8]> = changes.keys().map(Vec::as_slice).collect();
    let counts = view.values(Space::State, &keys)?;
    let write = |((key, change), count): ((Vec<u8>, i64), Option<Vec<u8>>)| {
        let count = number(count)?.checked_add_signed(change).ok_or_else(|| {
            ViewError::Corrupt { table: "search statistics", cause: "a count below 0".to_owned() }
        })?;
        let space = Space::State;
        Ok(match count {
            0 => Write::Delete { space, key },
            _ => Write::Put { space, key, value: count.to_be_bytes().to_vec() },
        })
    };
    changes.into_iter().zip(counts).map(write).collect()
}

fn term_key(kind: TermKind, text: &str) -> Vec<u8> {
    SEARCH_STATISTICS.key(&[&[kind.byte()], text.as_bytes()])
}

fn facet_key(facet: Facet) -> Vec<u8> {
    SEARCH_STATISTICS.key(&[&[FACET], &facet.bytes()])
}

fn read(view: &dyn View, key: &[u8]) -> Read<u64> {
    number(view.value(Space::State, key)?)
}

fn number(value: Option<Vec<u8>>) -> Read<u64> {
    let Some(value) = value else { return Ok(0) };
    let bytes = value.as_slice().try_into().map_err(|_| ViewError::Corrupt {
        table: "search statistics",
        cause: format!("{} bytes, not 8", value.len()),
    })?;
    Ok(u64::from_be_bytes(bytes))
}
