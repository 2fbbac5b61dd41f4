//! The table of A2A cards and the keys that list them. A key depends on its card alone.

use proto_types::Digest;
use proto_types::tlog::Fact;

use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::Tag;
use crate::listing;
use crate::search::subject::Subject;
use crate::source::Source;
use crate::visibility::Scoped as _;

use super::entry::CardEntry;

/// Cards by handle.
pub const CARDS: Table<CardEntry> = Table::new(3, "card");

/// Cards by who may know of them.
pub(crate) const LISTED_CARDS: Tag = Tag(35);

impl Entity for CardEntry {
    const SEARCHED: Option<Source> = Some(Source::Card);

    fn searched(&self) -> Option<Subject> {
        Some(Subject {
            digest: self.digest,
            scope: self.scope(),
            assurance: self.assurance,
            valid_until: None,
            revision: self.revision,
        })
    }

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Keys {
        listing::keys(LISTED_CARDS, &self.scope(), self.handle.as_str())
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.digest]
    }

    fn fact(&self) -> Option<Fact> {
        Some(Fact::new("card", self.handle.as_str(), Some(self.digest), self.revision.0))
    }
}
