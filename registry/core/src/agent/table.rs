//! The table of agents and the keys that list them. A key depends on its agent alone.

use proto_types::Digest;
use proto_types::card::Assurance;
use proto_types::tlog::Fact;

use crate::entity::{Entity, Table};
use crate::index::Keys;
use crate::layout::Tag;
use crate::listing;
use crate::search::subject::Subject;
use crate::source::Source;
use crate::visibility::Scoped as _;

use super::entry::AgentEntry;
use super::fact;

/// Agents by handle.
pub const AGENTS: Table<AgentEntry> = Table::new(4, "agent");

/// Agents by who may know of them.
pub(crate) const LISTED_AGENTS: Tag = Tag(36);

impl Entity for AgentEntry {
    const SEARCHED: Option<Source> = Some(Source::Agent);

    fn searched(&self) -> Option<Subject> {
        Some(Subject {
            digest: self.card,
            scope: self.scope(),
            // An operator's word: whether a card is signed, nobody has looked.
            assurance: Assurance::Unsigned,
            valid_until: None,
            revision: self.revision,
        })
    }

    fn key(&self) -> String {
        self.handle.as_str().to_owned()
    }

    fn index(&self) -> Keys {
        listing::keys(LISTED_AGENTS, &self.scope(), self.handle.as_str())
    }

    fn bodies(&self) -> Vec<Digest> {
        vec![self.card]
    }

    fn fact(&self) -> Option<Fact> {
        Some(fact::of(self))
    }
}
