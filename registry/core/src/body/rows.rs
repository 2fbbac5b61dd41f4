//! The keys of bodies, of the entities that name each one, and of bodies that may have lost their last name.

use proto_types::Digest;

use crate::layout::Tag;

/// Bodies that the next compaction looks at.
pub(crate) const LOOSE_BODIES: Tag = Tag(27);
/// Who names a body, by its digest.
pub(crate) const BODY_REFS: Tag = Tag(11);

/// Where the bytes of this digest lie in `Space::Bodies`.
#[must_use]
pub fn body_key(digest: &Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}

/// Present while an entity names the body: its table and its key stand behind the digest.
pub(crate) fn body_ref(digest: &Digest, table: Tag, id: &str) -> Vec<u8> {
    [body_refs(digest), vec![table.0], id.into()].concat()
}

/// What the keys of those who name a body start with.
pub(crate) fn body_refs(digest: &Digest) -> Vec<u8> {
    BODY_REFS.key(&[digest.as_bytes()])
}
