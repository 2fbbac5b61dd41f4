//! Reads of bodies.

use proto_types::Digest;

use crate::view::{Read, Space, View};

use super::rows::body_key;

/// The bytes of this digest.
pub fn body(view: &dyn View, digest: &Digest) -> Read<Option<Vec<u8>>> {
    view.value(Space::Bodies, &body_key(digest))
}
