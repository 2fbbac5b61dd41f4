//! Content by digest. Decides only whether bytes are stored; must never store them under a digest
//! that the caller states.

use proto_types::Digest;

use crate::change::Reply;
use crate::command::PutBody;
use crate::table::body_key;
use crate::view::Space;

use super::bound;
use super::draft::{Draft, Outcome};

/// The largest document there is, a WAN envelope.
const BODY_BYTES_MAX: u64 = 1 << 20;

pub(super) fn put(draft: &mut Draft<'_>, command: &PutBody) -> Outcome {
    let bytes = &command.bytes;
    bound::number("bytes of a body", bytes.len() as u64, (0, BODY_BYTES_MAX))?;
    let digest = Digest::of(bytes);
    if draft.view().value(Space::Bodies, &body_key(&digest))?.is_none() {
        draft.store(digest, bytes.clone());
    }
    Ok(Reply::Stored(digest))
}
