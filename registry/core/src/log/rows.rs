//! The keys and values under which the transparency log is stored.

use proto_types::tlog::Frontier;
use proto_types::{Digest, WallMs};

use crate::layout::{END, Tag};
use crate::view::{Read, Space, View, ViewError};

/// The log's seed and frontier, and the places of the newest facts.
pub(crate) const LOG: Tag = Tag(16);

/// The open log: its secret seed, and the right edge of its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) seed: Digest,
    pub(crate) frontier: Frontier,
}

/// Where the newest fact about a thing stands in the log, and the time it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) index: u64,
    pub(crate) at: WallMs,
}

/// Where the log's seed and frontier lie.
pub(crate) fn log_key() -> Vec<u8> {
    LOG.key(&[b"tree"])
}

/// Where the place of a thing's newest fact lies.
pub(crate) fn place_key(kind: &str, id: &str) -> Vec<u8> {
    LOG.key(&[b"fact", END, kind.as_bytes(), END, id.as_bytes()])
}

/// Where a hash of a row lies, or an entry in row 0.
pub(crate) fn row_key(level: u8, index: u64) -> Vec<u8> {
    Tag(level).key(&[&index.to_be_bytes()])
}

impl Log {
    /// The log, once it is open.
    pub(crate) fn read(view: &dyn View) -> Read<Option<Self>> {
        let Some(value) = view.value(Space::State, &log_key())? else { return Ok(None) };
        let torn = || corrupt("log", "a seed and a frontier");
        let (seed, frontier) = value.split_first_chunk::<32>().ok_or_else(torn)?;
        let frontier = Frontier::from_bytes(frontier).map_err(|_| torn())?;
        Ok(Some(Self { seed: Digest(*seed), frontier }))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.seed.as_bytes().as_slice(), &self.frontier.to_bytes()].concat()
    }
}

impl Place {
    pub(crate) fn read(view: &dyn View, kind: &str, id: &str) -> Read<Option<Self>> {
        let value = view.value(Space::State, &place_key(kind, id))?;
        let read = |value: Vec<u8>| {
            let [index, at] = numbers(&value).ok_or_else(|| corrupt("log place", "2 numbers"))?;
            Ok(Self { index, at: WallMs(at) })
        };
        value.map(read).transpose()
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [self.index.to_be_bytes(), self.at.0.to_be_bytes()].concat()
    }
}

/// As many numbers as asked for, and nothing behind them.
pub(crate) fn numbers<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let numbers: [[u8; 8]; N] = chunks.try_into().ok()?;
    rest.is_empty().then(|| numbers.map(u64::from_be_bytes))
}

/// A value of the log or audit that is none.
pub(crate) fn corrupt(table: &'static str, expected: &str) -> ViewError {
    ViewError::Corrupt { table, cause: format!("it is not {expected}") }
}
