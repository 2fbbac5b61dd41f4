//! A view of a state with writes on top that are not committed yet. It shows exactly what committing them would show.

use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;

use crate::layout;
use crate::view::{Pair, Read, Space, View, Write};

/// What is set (`Some`) or removed (`None`), by key.
type Changed = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// One family's changes.
#[derive(Clone, Debug, Default)]
struct Layer {
    changed: Changed,
    /// Ranges of the base that are removed; what `changed` says of a key inside comes later.
    removed: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The writes of a batch, the last one of each key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    layers: BTreeMap<Space, Layer>,
}

/// `base` as it will be once the writes are committed.
pub struct Overlay<'v> {
    base: &'v dyn View,
    pending: Pending,
}

impl<'v> Overlay<'v> {
    /// No writes yet.
    #[must_use]
    pub fn over(base: &'v dyn View) -> Self {
        Self { base, pending: Pending::default() }
    }

    /// Carries out a write, for readers of this view only.
    pub fn write(&mut self, write: Write) {
        self.pending.write(write);
    }

    /// The writes that bring the base to what this view shows: at most one of each key, in the
    /// order of families and keys, ranges first.
    #[must_use]
    pub fn into_writes(self) -> Vec<Write> {
        self.pending.into_writes().collect()
    }

    /// The writes alone, so that the base is free again.
    pub(crate) fn into_pending(self) -> Pending {
        self.pending
    }

    /// Carries out the writes of an overlay of this one.
    pub(crate) fn absorb(&mut self, pending: Pending) {
        for write in pending.into_writes() {
            self.write(write);
        }
    }

    /// True if nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.layers.is_empty()
    }
}

impl Pending {
    fn write(&mut self, write: Write) {
        match write {
            Write::Put { space, key, value } => {
                self.layer(space).changed.insert(key, Some(value));
            }
            Write::Delete { space, key } => {
                self.layer(space).changed.insert(key, None);
            }
            Write::DeleteRange { space, from, to } => self.layer(space).remove(from, to),
        }
    }

    fn layer(&mut self, space: Space) -> &mut Layer {
        self.layers.entry(space).or_default()
    }

    fn into_writes(self) -> impl Iterator<Item = Write> {
        self.layers.into_iter().flat_map(|(space, layer)| layer.into_writes(space))
    }
}

impl Layer {
    fn remove(&mut self, from: Vec<u8>, to: Vec<u8>) {
        if from < to {
            self.changed.retain(|key, _| *key < from || *key >= to);
            self.removed.push((from, to));
        }
    }

    fn into_writes(self, space: Space) -> impl Iterator<Item = Write> {
        let removed = self.removed.into_iter();
        let ranges = removed.map(move |(from, to)| Write::DeleteRange { space, from, to });
        let single = self.changed.into_iter().map(move |(key, value)| match value {
            Some(value) => Write::Put { space, key, value },
            None => Write::Delete { space, key },
        });
        ranges.chain(single)
    }

    fn hides(&self, key: &[u8]) -> bool {
        self.removed.iter().any(|(from, to)| from.as_slice() <= key && key < to.as_slice())
    }
}

impl View for Overlay<'_> {
    fn value(&self, space: Space, key: &[u8]) -> Read<Option<Vec<u8>>> {
        let Some(layer) = self.pending.layers.get(&space) else {
            return self.base.value(space, key);
        };
        match layer.changed.get(key) {
            Some(changed) => Ok(changed.clone()),
            None if layer.hides(key) => Ok(None),
            None => self.base.value(space, key),
        }
    }

    fn range(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<Pair>> {
        let Some(layer) = self.pending.layers.get(&space) else {
            return self.base.range(space, from, to, limit);
        };
        let (mut found, mut at) = (Vec::new(), from.to_vec());
        while at.as_slice() < to && found.len() < limit {
            let page = self.base.range(space, &at, to, limit)?;
            // A short page is the last; a full one says nothing about what comes after its end.
            let next = match page.last() {
                Some((last, _)) if page.len() >= limit => layout::after(last),
                _ => to.to_vec(),
            };
            let bounds = (Bound::Included(at.as_slice()), Bound::Excluded(next.as_slice()));
            merge(layer, page, layer.changed.range::<[u8], _>(bounds), &mut found);
            at = next;
        }
        found.truncate(limit);
        Ok(found)
    }
}

/// Appends a stretch of the base with its changes, in key order.
fn merge(
    layer: &Layer,
    page: Vec<Pair>,
    changes: btree_map::Range<'_, Vec<u8>, Option<Vec<u8>>>,
    found: &mut Vec<Pair>,
) {
    let mut kept = page
        .into_iter()
        .filter(|(key, _)| !layer.changed.contains_key(key) && !layer.hides(key))
        .peekable();
    for (key, value) in changes {
        while let Some(pair) = kept.next_if(|(base, _)| base < key) {
            found.push(pair);
        }
        if let Some(value) = value {
            found.push((key.clone(), value.clone()));
        }
    }
    found.extend(kept);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::view::Memory;

    const SPACE: Space = Space::Index;

    fn any_write() -> impl Strategy<Value = Write> {
        let key = || prop::collection::vec(0_u8..4, 0..3);
        prop_oneof![
            4 => (key(), any::<u8>())
                .prop_map(|(key, value)| Write::Put { space: SPACE, key, value: vec![value] }),
            2 => key().prop_map(|key| Write::Delete { space: SPACE, key }),
            1 => (key(), key()).prop_map(|(from, to)| Write::DeleteRange { space: SPACE, from, to }),
        ]
    }

    proptest! {
        /// Caught: `merge` without the `hides` filter, and `into_writes` with the ranges last.
        #[test]
        fn an_overlay_shows_what_committing_its_writes_would(
            base in prop::collection::vec(any_write(), 0..40),
            top in prop::collection::vec(any_write(), 0..20),
            from in prop::collection::vec(0_u8..4, 0..3),
            to in prop::collection::vec(0_u8..4, 0..3),
            limit in 0_usize..6,
        ) {
            let mut memory = Memory::default();
            memory.commit(&base);
            let mut committed = memory.clone();
            committed.commit(&top);
            let mut overlay = Overlay::over(&memory);
            for write in top {
                overlay.write(write);
            }
            let shown = overlay.range(SPACE, &from, &to, limit).unwrap();
            prop_assert_eq!(shown, committed.range(SPACE, &from, &to, limit).unwrap());
            let value = overlay.value(SPACE, &from).unwrap();
            prop_assert_eq!(value, committed.value(SPACE, &from).unwrap());
            let writes = overlay.into_writes();
            memory.commit(&writes);
            prop_assert_eq!(memory, committed);
        }
    }
}
