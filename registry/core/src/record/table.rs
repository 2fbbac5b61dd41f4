//! The table of directory records, and the keys that find them. A key depends on its record alone; a tombstone has none.

use proto_types::Digest;
use proto_types::tlog::Fact;

use crate::audience;
use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::{END, Tag};
use crate::listing;
use crate::search::subject::Subject;
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

    fn searched(&self) -> Option<Subject> {
        Some(Subject {
            digest: self.digest?,
            scope: self.scope(),
            assurance: self.assurance,
            valid_until: self.valid_until,
            revision: self.revision,
        })
    }

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Keys {
        if self.digest.is_none() {
            return Vec::new();
        }
        let (handle, scope) = (self.handle.as_str(), self.scope());
        let url = records_by_url(&self.agent_card_url);
        let key = |to: Vec<u8>| [url.as_slice(), &to, handle.as_bytes()].concat();
        let to = audience::whole_to(&scope).into_iter();
        let by_url = to.map(|to| (key(to), handle.into()));
        by_url.chain(listing::keys(LISTED_RECORDS, &scope, handle)).collect()
    }

    fn bodies(&self) -> Vec<Digest> {
        self.digest.into_iter().collect()
    }

    fn fact(&self) -> Option<Fact> {
        Some(Fact::new("record", self.handle.as_str(), self.digest, self.revision.0))
    }
}

/// What the keys of the live records with this card start with.
pub(crate) fn records_by_url(url: &str) -> Vec<u8> {
    RECORDS_BY_URL.key(&[url.as_bytes(), END])
}
