//! Whether a proof holds (RFC 9162, sections 2.1.3.2 and 2.1.4.2).
//!
//! Decides with the two sizes which side each hash stands on. Must never let a proof choose its own
//! shape: a hash too many or too few is refused.

use super::node_hash;
use crate::Digest;

/// The proof does not show what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The sizes or the index contradict each other.
    #[error("the sizes contradict each other")]
    Sizes,
    /// It has another length than the sizes demand.
    #[error("the proof has a length that does not belong to these sizes")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Holds if a leaf's hash stands at `index` in the tree of this size and root.
///
/// # Errors
/// [`Invalid`], with the first reason.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    (size, root): (u64, &Digest),
    path: &[Digest],
) -> Result<(), Invalid> {
    if index >= size {
        return Err(Invalid::Sizes);
    }
    let (mut at, mut last, mut node) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(Invalid::Length);
        }
        if at & 1 == 1 || at == last {
            node = node_hash(sibling, &node);
            // A node without a right sibling rises until it has a left one.
            let rise = if at & 1 == 1 { 0 } else { at.trailing_zeros() };
            (at, last) = (at >> rise, last >> rise);
        } else {
            node = node_hash(&node, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match last {
        0 if node == *root => Ok(()),
        0 => Err(Invalid::Root),
        _ => Err(Invalid::Length),
    }
}

/// Holds if the old tree is a prefix of the new one. Every tree continues the empty one.
///
/// # Errors
/// [`Invalid`], with the first reason.
pub fn verify_consistency(
    (old, old_root): (u64, &Digest),
    (new, new_root): (u64, &Digest),
    proof: &[Digest],
) -> Result<(), Invalid> {
    if old > new {
        return Err(Invalid::Sizes);
    }
    if old == 0 || old == new {
        let same = old == new || *old_root == super::empty_root();
        return match proof {
            [] if same && (old != new || old_root == new_root) => Ok(()),
            [] => Err(Invalid::Root),
            _ => Err(Invalid::Length),
        };
    }
    let (first, rest) = match (old.is_power_of_two(), proof) {
        (true, rest) => (old_root, rest),
        (false, [first, rest @ ..]) => (first, rest),
        (false, []) => return Err(Invalid::Length),
    };
    let (old_found, new_found) = climb(old, new, first, rest)?;
    let both = old_found == *old_root && new_found == *new_root;
    if both { Ok(()) } else { Err(Invalid::Root) }
}

/// The roots of both trees, from the last node that they share.
fn climb(old: u64, new: u64, first: &Digest, rest: &[Digest]) -> Result<(Digest, Digest), Invalid> {
    let shared = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> shared, (new - 1) >> shared);
    let (mut old_node, mut new_node) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(Invalid::Length);
        }
        if at & 1 == 1 || at == last {
            old_node = node_hash(sibling, &old_node);
            new_node = node_hash(sibling, &new_node);
            let rise = if at & 1 == 1 || at == 0 { 0 } else { at.trailing_zeros() };
            (at, last) = (at >> rise, last >> rise);
        } else {
            new_node = node_hash(&new_node, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last == 0 { Ok((old_node, new_node)) } else { Err(Invalid::Length) }
}
