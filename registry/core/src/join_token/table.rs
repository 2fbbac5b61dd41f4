//! Where join tokens lie, and how they are found once void.
//! Functions of one token alone; they must never read the state.

use proto_types::{Digest, WallMs};

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

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        keys(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

fn keys(token: &JoinTokenEntry) -> Keys {
    let at = token.expires_at.0.to_be_bytes();
    let key = JOIN_TOKENS_BY_EXPIRY.key(&[&at, token.hash.as_bytes()]);
    vec![(key, token.key().into_bytes())]
}

/// The join tokens that are void at `now`: from, to.
pub(crate) fn join_tokens_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(JOIN_TOKENS_BY_EXPIRY, now)
}
