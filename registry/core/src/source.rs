//! Which kinds of entries a search finds.
//! Data only: it decides nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

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
