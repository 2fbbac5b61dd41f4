//! The kinds of entries that a search finds.

use proto_types::words;
use serde::{Deserialize, Serialize};

/// Which kind of entry was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An A2A card.
    Card,
    /// An agent, hosted or attached.
    Agent,
    /// A directory record.
    Record,
}

words!(Source { Card = "card", Agent = "agent", Record = "record" });

impl Source {
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
