//! A view of a state with writes on top that are not committed yet. It shows exactly what committing them would show, and
//! what is taken back leaves no trace.

use std::collections::{BTreeMap, btree_map};
use std::mem;
use std::ops::Bound;

use crate::layout;
use crate::view::{Pair, Read, Space, View, Write};

/// What is set (`Some`) or removed (`None`), by key.
type Changed = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// One family's changes.
#[derive(Default)]
struct Layer {
    changed: Changed,
    /// Ranges of the base that are removed; what `changed` says of a key inside comes later.
    removed: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How one write is taken back.
enum Undo {
    /// What was said of a key before, if anything was.
    Key { space: Space, key: Vec<u8>, before: Option<Option<Vec<u8>>> },
    /// What was said of the keys of the newest range that is removed.
    Range { space: Space, dropped: Changed },
}

/// `base` as it will be once the writes are committed.
pub struct Overlay<'v> {
    base: &'v dyn View,
    layers: BTreeMap<Space, Layer>,
    /// For each write that can be taken back, the newest last.
    journal: Vec<Undo>,
}

impl<'v> Overlay<'v> {
    /// No writes yet.
    #[must_use]
    pub fn over(base: &'v dyn View) -> Self {
        Self { base, layers: BTreeMap::new(), journal: Vec::new() }
    }

    /// Carries out a write, for readers of this view only.
    pub fn write(&mut self, write: Write) {
        let undo = match write {
            Write::Put { space, key, value } => self.set(space, key, Some(value)),
            Write::Delete { space, key } => self.set(space, key, None),
            Write::DeleteRange { space, from, to } if from < to => {
                Undo::Range { space, dropped: self.layer(space).remove(from, to) }
            }
            Write::DeleteRange { .. } => return,
        };
        self.journal.push(undo);
    }

    /// Has the writes so far stay.
    pub fn keep(&mut self) {
        self.journal.clear();
    }

    /// Takes back the writes since the last [`Overlay::keep`].
    pub fn take_back(&mut self) {
        while let Some(undo) = self.journal.pop() {
            match undo {
                Undo::Key { space, key, before: Some(before) } => {
                    self.layer(space).changed.insert(key, before);
                }
                Undo::Key { space, key, before: None } => {
                    self.layer(space).changed.remove(&key);
                }
                Undo::Range { space, dropped } => {
                    let layer = self.layer(space);
                    layer.removed.pop();
                    layer.changed.extend(dropped);
                }
            }
        }
    }

    /// Moves the view out, and leaves one without writes.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self::over(self.base);
        mem::replace(self, empty)
    }

    /// The writes that bring the base to what this view shows: at most one of each key, in the
    /// order of families and keys, ranges first.
    #[must_use]
    pub fn into_writes(self) -> Vec<Write> {
        self.layers.into_iter().flat_map(|(space, layer)| layer.into_writes(space)).collect()
    }

    /// True if nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.values().all(|layer| layer.changed.is_empty() && layer.removed.is_empty())
    }

    fn set(&mut self, space: Space, key: Vec<u8>, value: Option<Vec<u8>>) -> Undo {
        let before = self.layer(space).changed.insert(key.clone(), value);
        Undo::Key { space, key, before }
    }

    fn layer(&mut self, space: Space) -> &mut Layer {
        self.layers.entry(space).or_default()
    }

    /// What the writes say of a key: its value, or that it has none. `None` if they do not say.
    fn written(&self, space: Space, key: &[u8]) -> Option<Option<&[u8]>> {
        let layer = self.layers.get(&space)?;
        match layer.changed.get(key) {
            Some(changed) => Some(changed.as_deref()),
            None => layer.hides(key).then_some(None),
        }
    }
}

impl Layer {
    /// Removes a range, which must not be empty; answers what was said of the keys in it.
    fn remove(&mut self, from: Vec<u8>, to: Vec<u8>) -> Changed {
        let mut dropped = self.changed.split_off(&from);
        self.changed.append(&mut dropped.split_off(&to));
        self.removed.push((from, to));
        dropped
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

    /// Whether it says anything of a key in this range.
    fn meets(&self, from: &[u8], to: &[u8]) -> bool {
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let overlaps = |range: &(Vec<u8>, Vec<u8>)| range.0.as_slice() < to && from < &*range.1;
        from < to
            && (self.changed.range::<[u8], _>(bounds).next().is_some()
                || self.removed.iter().any(overlaps))
    }
}

impl View for Overlay<'_> {
    fn value(&self, space: Space, key: &[u8]) -> Read<Option<Vec<u8>>> {
        match self.written(space, key) {
            Some(value) => Ok(value.map(<[u8]>::to_vec)),
            None => self.base.value(space, key),
        }
    }

    fn values(&self, space: Space, keys: &[&[u8]]) -> Read<Vec<Option<Vec<u8>>>> {
        let written: Vec<_> = keys.iter().map(|key| self.written(space, key)).collect();
        let lacking = keys.iter().zip(&written).filter(|(_, written)| written.is_none());
        let lacking: Vec<&[u8]> = lacking.map(|(key, _)| *key).collect();
        let mut base = self.base.values(space, &lacking)?.into_iter();
        let value = |written: Option<Option<&[u8]>>| match written {
            Some(value) => value.map(<[u8]>::to_vec),
            None => base.next().flatten(),
        };
        Ok(written.into_iter().map(value).collect())
    }

    fn length(&self, space: Space, key: &[u8]) -> Read<Option<usize>> {
        match self.written(space, key) {
            Some(value) => Ok(value.map(<[u8]>::len)),
            None => self.base.length(space, key),
        }
    }

    fn count(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<usize> {
        match self.layers.get(&space) {
            Some(layer) if layer.meets(from, to) => Ok(self.range(space, from, to, limit)?.len()),
            _ => self.base.count(space, from, to, limit),
        }
    }

    fn range(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<Pair>> {
        let Some(layer) = self.layers.get(&space) else {
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

    fn any_key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0_u8..4, 0..3)
    }

    fn any_write() -> impl Strategy<Value = Write> {
        prop_oneof![
            4 => (any_key(), any::<u8>())
                .prop_map(|(key, value)| Write::Put { space: SPACE, key, value: vec![value] }),
            2 => any_key().prop_map(|key| Write::Delete { space: SPACE, key }),
            1 => (any_key(), any_key())
                .prop_map(|(from, to)| Write::DeleteRange { space: SPACE, from, to }),
        ]
    }

    fn any_writes(most: usize) -> impl Strategy<Value = Vec<Write>> {
        prop::collection::vec(any_write(), 0..most)
    }

    proptest! {
        /// Caught: `merge` without the `hides` filter, and `into_writes` with the ranges last.
        #[test]
        fn an_overlay_shows_what_committing_its_writes_would(
            base in any_writes(40),
            top in any_writes(20),
            (from, to) in (any_key(), any_key()),
            keys in prop::collection::vec(any_key(), 0..6),
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
            let count = overlay.count(SPACE, &from, &to, limit).unwrap();
            prop_assert_eq!(count, committed.count(SPACE, &from, &to, limit).unwrap());
            let value = overlay.value(SPACE, &from).unwrap();
            prop_assert_eq!(value, committed.value(SPACE, &from).unwrap());
            let length = overlay.length(SPACE, &from).unwrap();
            prop_assert_eq!(length, committed.length(SPACE, &from).unwrap());
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let values = overlay.values(SPACE, &keys).unwrap();
            prop_assert_eq!(values, committed.values(SPACE, &keys).unwrap());
            let writes = overlay.into_writes();
            memory.commit(&writes);
            prop_assert_eq!(memory, committed);
        }

        #[test]
        fn what_is_taken_back_leaves_the_overlay_as_it_was(
            base in any_writes(40),
            kept in any_writes(12),
            taken_back in any_writes(12),
        ) {
            let mut memory = Memory::default();
            memory.commit(&base);
            let [mut overlay, mut untouched] = [(); 2].map(|()| Overlay::over(&memory));
            for write in kept {
                overlay.write(write.clone());
                untouched.write(write);
            }
            overlay.keep();
            for write in taken_back {
                overlay.write(write);
            }
            overlay.take_back();
            prop_assert_eq!(overlay.is_empty(), untouched.is_empty());
            let shown = overlay.range(SPACE, &[], &[9], usize::MAX).unwrap();
            prop_assert_eq!(shown, untouched.range(SPACE, &[], &[9], usize::MAX).unwrap());
            prop_assert_eq!(overlay.into_writes(), untouched.into_writes());
        }
    }
}
