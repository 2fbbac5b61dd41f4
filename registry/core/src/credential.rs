//! Whose a credential is: one credential is one machine, whatever its role.
//! It decides nothing; it must never hold a credential, only its digest.

use proto_types::Digest;

use crate::entity::{Entity, Table};
use crate::index;
use crate::layout::Tag;
use crate::view::{Read, Space, View};

/// The machines by the digest of their credential.
pub(crate) const CREDENTIALS: Tag = Tag(3);

/// Where the machine with this credential is named.
pub(crate) fn key(digest: &Digest) -> Vec<u8> {
    CREDENTIALS.key(&[digest.as_bytes()])
}

/// The machine of this role that has this credential.
pub(crate) fn holder<T: Entity>(
    view: &dyn View,
    digest: &Digest,
    table: &Table<T>,
    role: &str,
) -> Read<Option<T>> {
    let Some(value) = view.value(Space::Index, &key(digest))? else {
        return Ok(None);
    };
    match index::text(value)?.strip_prefix(role) {
        Some(id) => table.entry(view, id),
        None => Ok(None),
    }
}
