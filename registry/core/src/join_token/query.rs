//! Reads of join tokens.

use proto_types::Digest;

use crate::view::{Read, View};

use super::entry::JoinTokenEntry;
use super::table::JOIN_TOKENS;

/// The join token of this hash, spent or not, while it is known.
pub fn join_token(view: &dyn View, hash: &Digest) -> Read<Option<JoinTokenEntry>> {
    JOIN_TOKENS.entry(view, &hash.hex())
}
