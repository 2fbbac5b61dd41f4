//! Reads of envelopes and their queues.

use proto_types::{EnvelopeId, Origin};

use crate::counter;
use crate::view::{Read, View};

use super::entry::EnvelopeEntry;
use super::table::{ENVELOPES, envelope_key};

/// The envelope of this id, acknowledged or not, while it is known.
pub fn envelope(view: &dyn View, source: &Origin, id: &EnvelopeId) -> Read<Option<EnvelopeEntry>> {
    ENVELOPES.entry(view, &envelope_key(source, id))
}

/// How many envelopes wait for this target, leased ones included.
pub fn queue_depth(view: &dyn View, target: &str) -> Read<u64> {
    counter::read(view, &counter::queue_depth(target))
}
