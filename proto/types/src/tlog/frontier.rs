//! The right edge of a growing tree: all that is needed to append a leaf and to name the root.
//!
//! Decides which nodes a new leaf completes. Must never need an older leaf again.

use super::{empty_root, node_hash};
use crate::Digest;

/// Levels of a tile: 256 = 2^8 (C2SP tlog-tiles).
const TILE_LEVELS: u32 = 8;

/// The roots of the complete subtrees that a tree consists of, the largest first: one for each bit
/// that is set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

/// Bytes that are no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frontier is a size of 8 bytes and a hash of 32 bytes for each bit set in it")]
pub struct Torn;

impl Frontier {
    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// Appends a leaf's hash. Calls back for every node of a higher tile level that is complete with
    /// it: the tile level (1 and up), its index there, its hash. Level 0 is the leaf itself.
    pub fn append(&mut self, leaf: Digest, mut completed: impl FnMut(u8, u64, Digest)) {
        let mut node = leaf;
        let merged = self.size.trailing_ones();
        for level in 1..=merged {
            let left = self.peaks.pop().expect("a peak for each bit set, by `append` and `read`");
            node = node_hash(&left, &node);
            if level % TILE_LEVELS == 0 {
                let tile_level = u8::try_from(level / TILE_LEVELS).expect("64 / 8 at most");
                completed(tile_level, self.size >> level, node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// As it is kept: the size, big endian, and the hashes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        self.peaks.iter().for_each(|peak| bytes.extend_from_slice(peak.as_bytes()));
        bytes
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// Another length than the size demands.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Torn> {
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(Torn)?;
        let size = u64::from_be_bytes(*size);
        let (hashes, left_over) = rest.as_chunks::<32>();
        if !left_over.is_empty() || hashes.len() != size.count_ones() as usize {
            return Err(Torn);
        }
        Ok(Self { size, peaks: hashes.iter().map(|hash| Digest(*hash)).collect() })
    }
}
