//! Reads of spent tokens.
//! They decide nothing.

use proto_types::{Digest, WallMs};

use crate::clock;
use crate::view::{Read, View};

use super::spent;

/// Whether a token counts as spent now.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn token_spent(view: &dyn View, hash: &Digest, until: WallMs) -> Read<bool> {
    spent::is_spent(view, hash, (clock::query::clock(view)?, until))
}
