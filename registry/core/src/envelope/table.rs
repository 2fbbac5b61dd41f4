//! The table of envelopes, and the place of each in its queue. A key depends on its envelope alone.

use std::collections::BTreeSet;

use proto_types::{Digest, EnvelopeId, OrderingKey, Origin, Revision, WallMs};
use serde::{Deserialize, Serialize};

use crate::codec::{decode, encode};
use crate::entity::{Entity, Table};
use crate::index::{self, Keys};
use crate::layout::{END, Tag};
use crate::view::ViewError;

use super::entry::EnvelopeEntry;

/// Envelopes by [`envelope_key`].
pub const ENVELOPES: Table<EnvelopeEntry> = Table::new(8, "envelope");

/// Envelopes that wait, by target, in the order of acceptance.
pub(crate) const QUEUES: Tag = Tag(8);
/// Envelopes by when they are void, dead letters by when they are forgotten.
pub(crate) const ENVELOPES_BY_EXPIRY: Tag = Tag(9);
/// Dead letters, by target, in the order in which they became such.
pub(crate) const DEAD_LETTERS: Tag = Tag(53);

/// What an envelope is looked up by: ids are unique within their source only.
#[must_use]
pub fn envelope_key(source: &Origin, id: &EnvelopeId) -> String {
    format!("{}\0{}", source.as_str(), id.as_str())
}

impl Entity for EnvelopeEntry {
    fn key(&self) -> String {
        envelope_key(&self.source, &self.id)
    }

    fn index(&self) -> Keys {
        let key = self.key().into_bytes();
        let at = self.kept_until().0.to_be_bytes();
        let mut keys = vec![(ENVELOPES_BY_EXPIRY.key(&[&at, &key]), key.clone())];
        if let Some(dead) = self.dead {
            keys.push((dead_letter(self.target.as_str(), dead.revision), key));
        }
        if self.is_queued() {
            let place = Place {
                source: self.source.clone(),
                id: self.id.clone(),
                leased_until: self.leased_until,
                expires_at: self.expires_at,
                ordering_key: self.ordering_key.clone(),
            };
            keys.push((in_queue(self.target.as_str(), self.revision), encode(&place)));
        }
        keys
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.body]
    }
}

/// Where a queue keeps its place for an envelope, with all that choosing one to lease needs, so
/// that a long queue is scanned without reading its envelopes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) source: Origin,
    pub(crate) id: EnvelopeId,
    pub(crate) leased_until: WallMs,
    pub(crate) expires_at: WallMs,
    /// Of a place of an earlier version there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ordering_key: Option<OrderingKey>,
}

/// The keys that are met on the way through a queue from its front: of each, nothing but the first envelope can be leased.
#[derive(Debug, Default)]
pub(crate) struct MetKeys(BTreeSet<(Origin, OrderingKey)>);

impl MetKeys {
    /// Whether this is the first of its source and key, or has none.
    pub(crate) fn is_first(&mut self, place: &Place) -> bool {
        let key = place.ordering_key.as_ref();
        key.is_none_or(|key| self.0.insert((place.source.clone(), key.clone())))
    }
}

/// The envelopes that are void at `now`: from, to.
pub(crate) fn envelopes_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(ENVELOPES_BY_EXPIRY, now)
}

/// What the keys of a queue start with, in the order of acceptance.
pub(crate) fn queue(target: &str) -> Vec<u8> {
    QUEUES.key(&[target.as_bytes(), END])
}

fn in_queue(target: &str, accepted: Revision) -> Vec<u8> {
    [queue(target), accepted.0.to_be_bytes().into()].concat()
}

/// What the keys of the dead letters of a target start with, in the order in which they became such; of all for `None`.
pub(crate) fn dead_letters(target: Option<&str>) -> Vec<u8> {
    target.map_or_else(|| DEAD_LETTERS.key(&[]), |of| DEAD_LETTERS.key(&[of.as_bytes(), END]))
}

/// The key of one.
pub(crate) fn dead_letter(target: &str, since: Revision) -> Vec<u8> {
    [dead_letters(Some(target)), since.0.to_be_bytes().into()].concat()
}

/// What a queue's place says.
pub(crate) fn place(value: &[u8]) -> Result<Place, ViewError> {
    decode("queue place", value)
}
