//! A consistent read of the state: a RocksDB snapshot that keeps its database open.
//! It must never see a write made after it was taken.

use std::sync::Arc;

use registry_core::view::{Pair, Space, View, ViewError};
use rocksdb::{Direction, IteratorMode, ReadOptions, Snapshot};
use self_cell::self_cell;

use crate::Error;
use crate::state::{META, State, family_of};

self_cell!(
    struct Pinned {
        owner: Arc<State>,
        #[covariant]
        dependent: Snapshot,
    }
);

/// The state as of one moment. Clones share the moment; old versions are kept on disk while one exists, so drop it soon.
#[derive(Clone)]
pub struct StoreView {
    pinned: Arc<Pinned>,
}

impl StoreView {
    pub(crate) fn new(state: Arc<State>) -> Self {
        let pinned = Pinned::new(state, |state| state.database().snapshot());
        Self { pinned: Arc::new(pinned) }
    }

    /// A value stored beside the state by [`crate::Store::commit`].
    pub fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let state = self.pinned.borrow_owner();
        let value = self.pinned.borrow_dependent().get_cf(state.family(META), key);
        value.map_err(|cause| Error::read(state.met(cause)))
    }
}

impl StoreView {
    /// Reads up to `limit` entries from a key on, past the cache. Returns where to go on, if there may be more.
    ///
    /// # Errors
    /// The read failed; damage is noted.
    pub fn page(
        &self,
        space: Space,
        from: &[u8],
        limit: usize,
    ) -> Result<Option<Vec<u8>>, ViewError> {
        let state = self.pinned.borrow_owner();
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let start = IteratorMode::From(from, Direction::Forward);
        let family = state.family(family_of(space));
        let pairs = self.pinned.borrow_dependent().iterator_cf_opt(family, options, start);
        let (mut last, mut count) = (None, 0);
        for pair in pairs.take(limit) {
            let (key, _) = pair.map_err(|cause| store_failed(state, cause))?;
            last = Some(key.into_vec());
            count += 1;
        }
        let next = last.filter(|_| count == limit);
        Ok(next.map(|mut key| {
            key.push(0);
            key
        }))
    }

    /// Reads everything once, past the cache, so that each block and each blob is held against its checksum.
    ///
    /// # Errors
    /// `Damaged`, which is noted if this is a state in force; or a read failed.
    pub fn read_through(&self) -> Result<(), Error> {
        let state = self.pinned.borrow_owner();
        for family in state.families() {
            let mut options = ReadOptions::default();
            options.fill_cache(false);
            let pinned = self.pinned.borrow_dependent();
            for pair in pinned.iterator_cf_opt(family, options, IteratorMode::Start) {
                pair.map_err(|cause| state.unread(cause))?;
            }
        }
        Ok(())
    }
}

impl View for StoreView {
    fn value(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let state = self.pinned.borrow_owner();
        let value = self.pinned.borrow_dependent().get_cf(state.family(family_of(space)), key);
        value.map_err(|cause| store_failed(state, cause))
    }

    fn range(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, ViewError> {
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to);
        let state = self.pinned.borrow_owner();
        let family = state.family(family_of(space));
        let start = IteratorMode::From(from, Direction::Forward);
        let pairs = self.pinned.borrow_dependent().iterator_cf_opt(family, options, start);
        pairs
            .take(limit)
            .map(|pair| pair.map(|(key, value)| (key.into_vec(), value.into_vec())))
            .collect::<Result<Vec<Pair>, _>>()
            .map_err(|cause| store_failed(state, cause))
    }

    /// One call for all keys. While a memory table holds a removed range, RocksDB does not use the table's filter here.
    fn values(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, ViewError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.pinned.borrow_owner();
        let mut options = ReadOptions::default();
        options.set_snapshot(self.pinned.borrow_dependent());
        let (family, keys) = (state.family(family_of(space)), keys.iter().copied());
        let values = state.database().batched_multi_get_cf_opt(family, keys, false, &options);
        let copied = values.into_iter().map(|value| value.map(|it| it.map(|it| it.to_vec())));
        copied.collect::<Result<_, _>>().map_err(|cause| store_failed(state, cause))
    }

    fn length(&self, space: Space, key: &[u8]) -> Result<Option<usize>, ViewError> {
        let state = self.pinned.borrow_owner();
        let family = state.family(family_of(space));
        let value = self.pinned.borrow_dependent().get_pinned_cf(family, key);
        let value = value.map_err(|cause| store_failed(state, cause))?;
        Ok(value.map(|bytes| bytes.len()))
    }

    fn count(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<usize, ViewError> {
        if from >= to || limit == 0 {
            return Ok(0);
        }
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to);
        let state = self.pinned.borrow_owner();
        let family = state.family(family_of(space));
        let mut pairs = self.pinned.borrow_dependent().raw_iterator_cf_opt(family, options);
        pairs.seek(from);
        let mut count = 0;
        while pairs.valid() {
            count += 1;
            if count == limit {
                return Ok(count);
            }
            pairs.next();
        }
        pairs.status().map_err(|cause| store_failed(state, cause))?;
        Ok(count)
    }
}

impl std::fmt::Debug for StoreView {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sequence = self.pinned.borrow_dependent().sequence_number();
        out.debug_struct("StoreView").field("sequence", &sequence).finish()
    }
}

fn store_failed(state: &State, cause: rocksdb::Error) -> ViewError {
    ViewError::Store(state.met(cause).into_string())
}
