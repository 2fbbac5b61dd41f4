//! What a search knows of an entry: its document, and all that decides who finds it.
//! Data only: it decides nothing. It follows from the entry that it is about and that entry's body, and is never a
//! source of truth.

use std::fmt;

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, WallMs};
use serde::{Deserialize, Serialize};

use crate::entry::Scope;
use crate::search::Document;

/// Which kind of entry was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An A2A card.
    Card,
    /// A hosted agent.
    Agent,
    /// A directory record.
    Record,
}

impl Source {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Card, Self::Agent, Self::Record];

    /// The word that is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Agent => "agent",
            Self::Record => "record",
        }
    }

    /// Its byte in keys, in the order of the kinds.
    #[must_use]
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Card => b'1',
            Self::Agent => b'2',
            Self::Record => b'3',
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl SearchEntry {
    /// What the search entry of this entry is looked up by; in the order of handles.
    #[must_use]
    pub fn key_of(source: Source, handle: &Handle) -> String {
        format!("{handle}\0{}", char::from(source.byte()))
    }
}

/// One entry as a search sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchEntry {
    /// Which kind of entry it is about.
    pub source: Source,
    /// Which one.
    pub handle: Handle,
    /// The body that the document was read from.
    pub digest: Digest,
    /// Who may find it.
    pub scope: Scope,
    /// What the entry's signature is worth.
    pub assurance: Assurance,
    /// Past this nobody finds it.
    pub valid_until: Option<WallMs>,
    /// What it is found by.
    pub document: Document,
}
