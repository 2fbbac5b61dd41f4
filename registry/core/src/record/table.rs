//! Where directory records lie, and what they are found by.
//! Functions of one record alone; they must never read the state, nor index a tombstone.

use proto_types::Digest;
use proto_types::tlog::Fact;

use crate::audience;
use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::{END, Tag};
use crate::listing;
use crate::source::Source;
use crate::visibility::Scoped as _;

use super::entry::RecordEntry;

/// Records by handle, tombstones included.
pub const RECORDS: Table<RecordEntry> = Table::new(2, "record");

/// Live records by the URL of their card and by audience.
pub(crate) const RECORDS_BY_URL: Tag = Tag(2);
/// Live records by who may know of them.
pub(crate) const LISTED_RECORDS: Tag = Tag(34);

impl Entity for RecordEntry {
    const SEARCHED: Option<Source> = Some(Source::Record);

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        keys(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.digest.into_iter().collect()
    }

    fn fact(&self) -> Option<Fact> {
        Some(Fact::new("record", self.handle.as_str(), self.digest, self.revision.0))
    }
}

fn keys(record: &RecordEntry) -> Keys {
    match record.digest {
        None => Vec::new(),
        Some(_) => {
            let handle = record.handle.as_str();
            let scope = record.scope();
            let url = records_by_url(&record.agent_card_url);
            let by_url = audience::whole_to(&scope).into_iter().map(|audience| {
                (([url.as_slice(), &audience, handle.as_bytes()].concat()), handle.into())
            });
            by_url.chain(listing::keys(LISTED_RECORDS, &scope, handle)).collect()
        }
    }
}

/// What the keys of the live records with this card start with.
pub(crate) fn records_by_url(url: &str) -> Vec<u8> {
    RECORDS_BY_URL.key(&[url.as_bytes(), END])
}
