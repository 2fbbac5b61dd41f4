//! Where A2A cards lie, and how they are listed.
//! Functions of one card alone; they must never read the state.

use proto_types::Digest;
use proto_types::tlog::Fact;

use crate::entity::{Entity, Table};
use crate::layout::Tag;
use crate::listing;
use crate::source::Source;
use crate::visibility::Scoped as _;

use super::entry::CardEntry;

/// Cards by handle.
pub const CARDS: Table<CardEntry> = Table::new(3, "card");

/// Cards by who may know of them.
pub(crate) const LISTED_CARDS: Tag = Tag(35);

impl Entity for CardEntry {
    const SEARCHED: Option<Source> = Some(Source::Card);

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        listing::keys(LISTED_CARDS, &self.scope(), self.handle.as_str())
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.digest]
    }

    fn fact(&self) -> Option<Fact> {
        Some(Fact::new("card", self.handle.as_str(), Some(self.digest), self.revision.0))
    }
}
