//! The decision to store bytes. The digest is computed here, never taken from the caller.

use proto_types::Digest;

use crate::bound;
use crate::change::Reply;
use crate::draft::{Draft, Outcome};
use crate::view::Space;

use super::command::PutBody;
use super::rows::body_key;

/// The largest document there is, a WAN envelope.
const BODY_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutBody) -> Outcome {
    let bytes = &command.bytes;
    bound::number("bytes of a body", bytes.len() as u64, (0, BODY_BYTES_MAX))?;
    let digest = Digest::of(bytes);
    if draft.view().length(Space::Bodies, &body_key(&digest))?.is_none() {
        draft.store(digest, bytes.clone());
    }
    Ok(Reply::Stored(digest))
}
