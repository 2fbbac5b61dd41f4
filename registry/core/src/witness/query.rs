//! Reads of what was witnessed.

use proto_types::Digest;

use crate::view::{Read, View};

use super::rows;

/// The head of another log that this cluster signed last as its witness: size and root.
pub fn witnessed(view: &dyn View, origin: &str) -> Read<Option<(u64, Digest)>> {
    Ok(rows::read(view, origin)?.map(|(head, _)| head))
}

/// The cluster epoch that this head is of; 0 where none was signed.
pub fn witnessed_epoch(view: &dyn View, origin: &str) -> Read<u64> {
    Ok(rows::read(view, origin)?.map_or(0, |(_, epoch)| epoch))
}
