//! Reads of tokens that count once.

use proto_types::Digest;

use crate::clock::query::clock;
use crate::view::{Read, View};

use super::spent;

/// Whether this state has a token of this hash as spent. An older state may not know it yet; what one knows holds until the
/// token's time is past.
///
/// # Errors
/// As every read here: the store failed, or is corrupt.
pub fn is_spent(view: &dyn View, hash: &Digest) -> Read<bool> {
    spent::is_remembered(view, hash, clock(view)?)
}
