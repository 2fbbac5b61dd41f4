//! The table of join tokens, and the key that finds those that are void. A key depends on its token alone.

use proto_types::WallMs;

use crate::entity::{Entity, Table};
use crate::index::{self, Keys};
use crate::layout::Tag;

use super::entry::JoinTokenEntry;

/// Join tokens by the digest of the token.
pub const JOIN_TOKENS: Table<JoinTokenEntry> = Table::new(9, "join token");

/// Join tokens by when they are void.
pub(crate) const JOIN_TOKENS_BY_EXPIRY: Tag = Tag(4);

impl Entity for JoinTokenEntry {
    fn key(&self) -> String {
        self.hash.hex()
    }

    fn index(&self) -> Keys {
        let at = self.expires_at.0.to_be_bytes();
        let key = JOIN_TOKENS_BY_EXPIRY.key(&[&at, self.hash.as_bytes()]);
        vec![(key, self.key().into_bytes())]
    }
}

/// The join tokens that are void at `now`: from, to.
pub(crate) fn join_tokens_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(JOIN_TOKENS_BY_EXPIRY, now)
}
