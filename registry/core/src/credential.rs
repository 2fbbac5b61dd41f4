//! The owner of each credential: one credential is one machine, whatever its role. The state holds the digest, never the
//! credential.

use proto_types::Digest;

use crate::layout::Tag;

/// The machines by the digest of their credential.
pub(crate) const CREDENTIALS: Tag = Tag(3);

/// Where the machine with this credential is named.
pub(crate) fn key(digest: &Digest) -> Vec<u8> {
    CREDENTIALS.key(&[digest.as_bytes()])
}
