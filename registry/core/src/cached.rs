//! A view of a state that keeps what is read of it again and again: numbers, and entries that many proposals name. It
//! shows exactly what the state shows, which must not change meanwhile.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::layout::Tag;
use crate::table::READ_AGAIN;
use crate::view::{Pair, Read, Space, View};

/// Values that are kept at most. Arbitrary: a log entry of many proposals names some hundred of them.
const VALUES_MAX: usize = 1_024;

/// Longer values are read again. Arbitrary: few peers have so many keys.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// `base`, read once for each value that is kept.
pub(crate) struct Cached<'v> {
    base: &'v dyn View,
    /// What the base has under a key of `Space::State`, which may be nothing.
    values: RefCell<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'v> Cached<'v> {
    /// Nothing is kept yet.
    pub(crate) fn over(base: &'v dyn View) -> Self {
        Self { base, values: RefCell::default() }
    }
}

impl View for Cached<'_> {
    fn value(&self, space: Space, key: &[u8]) -> Read<Option<Vec<u8>>> {
        if !is_read_again(space, key) {
            return self.base.value(space, key);
        }
        if let Some(known) = self.values.borrow().get(key) {
            return Ok(known.clone());
        }
        let value = self.base.value(space, key)?;
        let mut values = self.values.borrow_mut();
        let is_short = value.as_ref().is_none_or(|value| value.len() <= VALUE_BYTES_MAX);
        if is_short && values.len() < VALUES_MAX {
            values.insert(key.to_vec(), value.clone());
        }
        Ok(value)
    }

    fn range(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<Pair>> {
        self.base.range(space, from, to, limit)
    }

    fn values(&self, space: Space, keys: &[&[u8]]) -> Read<Vec<Option<Vec<u8>>>> {
        self.base.values(space, keys)
    }

    fn length(&self, space: Space, key: &[u8]) -> Read<Option<usize>> {
        self.base.length(space, key)
    }

    fn count(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<usize> {
        self.base.count(space, from, to, limit)
    }
}

fn is_read_again(space: Space, key: &[u8]) -> bool {
    space == Space::State && Tag::of(key).is_some_and(|tag| READ_AGAIN.contains(&tag))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::counter::COUNTERS;
    use crate::search::statistics::SEARCH_STATISTICS;
    use crate::view::{Memory, Write};

    /// A state that counts how often a value of it is read.
    #[derive(Default)]
    struct Counted {
        memory: Memory,
        reads: Cell<usize>,
    }

    impl View for Counted {
        fn value(&self, space: Space, key: &[u8]) -> Read<Option<Vec<u8>>> {
            self.reads.set(self.reads.get() + 1);
            self.memory.value(space, key)
        }

        fn range(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<Pair>> {
            self.memory.range(space, from, to, limit)
        }
    }

    fn put(space: Space, key: Vec<u8>, bytes: usize) -> Write {
        Write::Put { space, key, value: vec![7; bytes] }
    }

    #[test]
    fn what_is_short_and_read_again_is_read_once() {
        let (state, long) = (Space::State, VALUE_BYTES_MAX + 1);
        let mut base = Counted::default();
        let [number, absent] = [b"a", b"b"].map(|name| COUNTERS.key(&[name]));
        let [large, other] = [COUNTERS.key(&[b"c"]), SEARCH_STATISTICS.key(&[b"a"])];
        let writes = [(&number, VALUE_BYTES_MAX), (&large, long), (&other, 8)];
        base.memory.commit(&writes.map(|(key, bytes)| put(state, key.clone(), bytes)));
        base.memory.commit(&[put(Space::Index, number.clone(), 1)]);
        let view = Cached::over(&base);
        let reads = [(state, &number, 1), (state, &absent, 1), (state, &large, 3)];
        for (space, key, reads) in
            reads.into_iter().chain([(state, &other, 3), (Space::Index, &number, 3)])
        {
            base.reads.set(0);
            for _ in 0..3 {
                let value = view.value(space, key).unwrap();
                assert_eq!(value, base.memory.value(space, key).unwrap());
            }
            assert_eq!(base.reads.get(), reads, "{space:?} {key:?}");
        }
    }

    #[test]
    fn no_more_values_are_kept_than_the_bound_says() {
        let base = Counted::default();
        let view = Cached::over(&base);
        for n in 0..2 * VALUES_MAX {
            assert_eq!(view.value(Space::State, &COUNTERS.key(&[&n.to_be_bytes()])).unwrap(), None);
        }
        assert_eq!(view.values.borrow().len(), VALUES_MAX);
    }
}
