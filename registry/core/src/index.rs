//! Derived keys: the look-ups and orders of the state beside its ids. Each key is a function of one entity and is defined
//! beside that entity's table.

use proto_types::WallMs;

use crate::layout::{self, Tag};
use crate::view::{Read, Space, View, ViewError};

/// Derived keys and their values.
pub(crate) type Keys = Vec<(Vec<u8>, Vec<u8>)>;

/// The derived keys of a kind that begins with a time, up to `now`: from, to.
pub(crate) fn until(tag: Tag, now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let last = tag.key(&[&now.0.to_be_bytes()]);
    (tag.key(&[]), layout::past(&last))
}

/// Up to `limit` ids that the derived keys in `from..to` point at.
pub(crate) fn ids(view: &dyn View, (from, to): (&[u8], &[u8]), limit: usize) -> Read<Vec<String>> {
    let pairs = view.range(Space::Index, from, to, limit)?;
    pairs.into_iter().map(|(_, value)| text(value)).collect()
}

/// An id as a derived key's value holds it.
pub(crate) fn text(value: Vec<u8>) -> Read<String> {
    String::from_utf8(value).map_err(|cause| corrupt(&cause))
}

/// A derived key holds what no entity of ours is named.
pub(crate) fn corrupt(cause: &dyn std::fmt::Display) -> ViewError {
    ViewError::Corrupt { table: "index", cause: cause.to_string() }
}
