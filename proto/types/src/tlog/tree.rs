//! Roots and proofs of a tree whose hashes lie in rows of tiles.
//!
//! Decides which nodes make a proof (RFC 6962, sections 2.1.1 and 2.1.2). Must never read more rows
//! than a proof needs: a tile a level.

use super::{empty_root, node_hash};
use crate::Digest;

/// The longest proof there can be: consistency between two trees of up to 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 63;

/// Levels of a tile: 256 = 2^8.
const TILE_LEVELS: u32 = 8;

/// Where the hashes of a tree are read.
pub trait Rows {
    /// What a read can fail with.
    type Error;

    /// `count` hashes of a tile level from `first` on: the roots of complete subtrees of
    /// `256^level` leaves. All lie in one tile.
    ///
    /// # Errors
    /// The row does not reach that far, or the store failed.
    fn row(&self, level: u8, first: u64, count: usize) -> Result<Vec<Digest>, Self::Error>;
}

/// The root of the first `size` leaves.
///
/// # Errors
/// As [`Rows::row`].
pub fn root<R: Rows>(rows: &R, size: u64) -> Result<Digest, R::Error> {
    if size == 0 { Ok(empty_root()) } else { subtree(rows, 0, size) }
}

/// The audit path of leaf `index` in the tree of the first `size` leaves; empty if the index is not
/// in the tree.
///
/// # Errors
/// As [`Rows::row`].
pub fn inclusion<R: Rows>(rows: &R, index: u64, size: u64) -> Result<Vec<Digest>, R::Error> {
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    while index < size && to - from > 1 {
        let middle = from + split(to - from);
        let sibling = if index < middle { (middle, to) } else { (from, middle) };
        path.push(subtree(rows, sibling.0, sibling.1)?);
        (from, to) = if index < middle { (from, middle) } else { (middle, to) };
    }
    path.reverse();
    Ok(path)
}

/// That the first `old` of the first `new` leaves are a prefix; empty if `old` is 0, or not below
/// `new`.
///
/// # Errors
/// As [`Rows::row`].
pub fn consistency<R: Rows>(rows: &R, old: u64, new: u64) -> Result<Vec<Digest>, R::Error> {
    if old == 0 || old >= new {
        return Ok(Vec::new());
    }
    let mut proof = Vec::new();
    let (mut from, mut to) = (0, new);
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(subtree(rows, middle, to)?);
            to = middle;
        } else {
            proof.push(subtree(rows, from, middle)?);
            from = middle;
        }
    }
    // The verifier knows the old root, which is this node if nothing was passed on the left.
    if from != 0 {
        proof.push(subtree(rows, from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two below a size of 2 or more.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The root of the leaves `from..to`, where `from` is a multiple of the largest power of two in
/// `to - from`.
fn subtree<R: Rows>(rows: &R, from: u64, to: u64) -> Result<Digest, R::Error> {
    let size = to - from;
    if size.is_power_of_two() {
        return complete(rows, from, size.trailing_zeros());
    }
    let middle = from + split(size);
    Ok(node_hash(&subtree(rows, from, middle)?, &subtree(rows, middle, to)?))
}

fn complete<R: Rows>(rows: &R, from: u64, level: u32) -> Result<Digest, R::Error> {
    let (tile_level, above) = (level / TILE_LEVELS, level % TILE_LEVELS);
    let first = from >> (tile_level * TILE_LEVELS);
    let tile_level = u8::try_from(tile_level).expect("64 / 8 at most");
    let mut row = rows.row(tile_level, first, 1 << above)?;
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    Ok(row.pop().expect("`row` gives as many hashes as are asked for, or fails"))
}
