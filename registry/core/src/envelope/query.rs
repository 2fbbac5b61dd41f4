//! Reads of envelopes and their queues.

use proto_types::{EnvelopeId, Origin, QueueName, Revision, WallMs};

use crate::counter;
use crate::layout;
use crate::view::{Read, Space, View};

use super::entry::EnvelopeEntry;
use super::table::{self, ENVELOPES, MetKeys, envelope_key};

/// The envelope of this id, acknowledged or not, while it is known.
pub fn envelope(view: &dyn View, source: &Origin, id: &EnvelopeId) -> Read<Option<EnvelopeEntry>> {
    ENVELOPES.entry(view, &envelope_key(source, id))
}

/// How many envelopes wait for this target, leased ones included.
pub fn queue_depth(view: &dyn View, target: &str) -> Read<u64> {
    counter::read(view, &counter::queue_depth(target))
}

/// Places of a queue that [`next_lease_at`] looks at.
const LOOKED_AT: usize = 256;

/// When the next envelope of this queue can be leased, if none is taken out of it and none comes; `None` if it is longer
/// than is looked at, or empty.
pub fn next_lease_at(view: &dyn View, target: &str) -> Read<Option<WallMs>> {
    let first = table::queue(target);
    let places = view.range(Space::Index, &first, &layout::past(&first), LOOKED_AT)?;
    if places.len() == LOOKED_AT {
        return Ok(None);
    }
    let (mut next, mut met): (Option<WallMs>, MetKeys) = Default::default();
    for (_, value) in &places {
        let place = table::place(value)?;
        if !met.is_first(&place) {
            continue;
        }
        let at = place.leased_until;
        next = Some(next.map_or(at, |next| next.min(at)));
    }
    Ok(next)
}

/// Up to `limit` dead letters of a target, or of all, target by target in the order in which they became such. They begin
/// after the one that has this target and became a dead letter at this revision.
pub fn dead_letters(
    view: &dyn View,
    target: Option<&QueueName>,
    after: Option<&(QueueName, Revision)>,
    limit: usize,
) -> Read<Vec<EnvelopeEntry>> {
    let first = table::dead_letters(target.map(QueueName::as_str));
    let to = layout::past(&first);
    let from = after.map(|(of, since)| layout::after(&table::dead_letter(of.as_str(), *since)));
    // A place that is made up may lie before the list.
    let from = from.map_or_else(|| first.clone(), |from| from.max(first.clone()));
    if from >= to {
        return Ok(Vec::new());
    }
    ENVELOPES.pointed_in(view, (&from, &to), limit)
}

/// How many dead letters this target has; of all for `None`.
pub fn dead_letter_count(view: &dyn View, target: Option<&QueueName>) -> Read<u64> {
    let name = target.map(|target| counter::dead_letters(target.as_str()));
    counter::read(view, name.as_deref().unwrap_or(counter::DEAD_LETTERS))
}
