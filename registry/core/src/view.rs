//! What the core may read: a key-value view of the state with range scans in key order. Writes are data. A view offers no
//! way to write, and its answers depend on the state alone.

use std::collections::BTreeMap;

/// The families of keys, each with its own column family on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Entities, laid out `shard | table | namespace | 0 | id`.
    State,
    /// Content by SHA-256 digest (32 bytes): cards, manifests, records, task inputs and outcomes.
    Bodies,
    /// Derived keys that point at entities; rebuilt from `State`.
    Index,
    /// The total order: revision (8 bytes, big endian) to change event.
    Changes,
    /// The transparency log: rows of leaves and of the roots of complete subtrees.
    Tiles,
}

/// One key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// One change of the state. Writes are carried out in order, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets a key.
    Put {
        /// The family.
        space: Space,
        /// The key.
        key: Vec<u8>,
        /// The new value.
        value: Vec<u8>,
    },
    /// Removes a key; absence is no error.
    Delete {
        /// The family.
        space: Space,
        /// The key.
        key: Vec<u8>,
    },
    /// Removes `from <= key < to`.
    DeleteRange {
        /// The family.
        space: Space,
        /// The first key removed.
        from: Vec<u8>,
        /// The first key kept.
        to: Vec<u8>,
    },
}

/// A consistent read of the state as of one revision.
pub trait View {
    /// The value stored under `key`, if any.
    ///
    /// # Errors
    /// A failure of the store itself; absence is `Ok(None)`.
    fn value(&self, space: Space, key: &[u8]) -> Read<Option<Vec<u8>>>;

    /// Up to `limit` pairs with `from <= key < to`, in key order.
    ///
    /// # Errors
    /// A failure of the store itself.
    fn range(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<Pair>>;

    /// The values stored under these keys, in the order of the keys.
    ///
    /// # Errors
    /// As [`View::value`].
    fn values(&self, space: Space, keys: &[&[u8]]) -> Read<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|key| self.value(space, key)).collect()
    }

    /// How long the value stored under `key` is, if there is one.
    ///
    /// # Errors
    /// As [`View::value`].
    fn length(&self, space: Space, key: &[u8]) -> Read<Option<usize>> {
        Ok(self.value(space, key)?.map(|value| value.len()))
    }

    /// How many pairs there are with `from <= key < to`, counted up to `limit`.
    ///
    /// # Errors
    /// As [`View::range`].
    fn count(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<usize> {
        Ok(self.range(space, from, to, limit)?.len())
    }
}

/// The store could not answer, or what it holds cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The store failed; the member must stop applying.
    #[error("the state store failed: {0}")]
    Store(String),
    /// A stored value does not decode: the state is corrupt.
    #[error("a stored {table} entry does not decode: {cause}")]
    Corrupt {
        /// The table the entry belongs to.
        table: &'static str,
        /// What the decoder said.
        cause: String,
    },
}

/// What a read comes to, which fails if the store itself does, or a value does not decode.
pub(crate) type Read<T> = Result<T, ViewError>;

/// The in-memory view: the model that RocksDB is tested against, and the base of every core test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pairs: BTreeMap<(Space, Vec<u8>), Vec<u8>>,
}

impl Memory {
    /// Carries out writes in order.
    pub fn commit(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Put { space, key, value } => {
                    self.pairs.insert((*space, key.clone()), value.clone());
                }
                Write::Delete { space, key } => {
                    self.pairs.remove(&(*space, key.clone()));
                }
                Write::DeleteRange { space, from, to } => {
                    self.pairs.retain(|(at, key), _| at != space || key < from || key >= to);
                }
            }
        }
    }

    /// Every pair, ordered by space and key.
    pub fn pairs(&self) -> impl Iterator<Item = (&(Space, Vec<u8>), &Vec<u8>)> {
        self.pairs.iter()
    }
}

impl View for Memory {
    fn value(&self, space: Space, key: &[u8]) -> Read<Option<Vec<u8>>> {
        Ok(self.pairs.get(&(space, key.to_vec())).cloned())
    }

    fn range(&self, space: Space, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<Pair>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let bounds = (space, from.to_vec())..(space, to.to_vec());
        let pairs = self.pairs.range(bounds).take(limit);
        Ok(pairs.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}
