//! A hit of a search, and why it is where it is. It holds no more of an entry than its viewer sees.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle};

use crate::reachability::entry::Reachability;
use crate::source::Source;
use crate::visibility::Scope;

/// One page of hits, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The hits.
    pub hits: Vec<Hit>,
    /// Where the next page begins, if there may be one.
    pub next: Option<String>,
    /// True if the search stopped at a bound. In the order of handles the next page goes on there; in the order of
    /// relevance hits may be missing from this page and all after it.
    pub truncated: bool,
    /// What scores were made of.
    pub basis: Basis,
    /// What it cost; for measurements, not for callers.
    pub work: Work,
}

/// The statistics behind scores: of public entries only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// How many public entries there are.
    pub documents: u64,
    /// Each word of the query, how many public entries have it, and how rare that makes it, in thousandths.
    pub words: Vec<(String, u64, u32)>,
    /// The least score of each hit's owner, in tenths. What the score is, is not told.
    pub reputation: u8,
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Blocks of the index that were read.
    pub seeks: usize,
    /// Keys in them.
    pub postings: usize,
    /// Entries that were judged.
    pub judged: usize,
}

/// One entry that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which kind of entry.
    pub source: Source,
    /// Which one.
    pub handle: Handle,
    /// Its name, cut to 200 bytes; empty for a record, which has none.
    pub name: String,
    /// Its description, cut to 280 bytes.
    pub summary: String,
    /// The sum of `parts`; 0 where the order is that of handles.
    pub points: u32,
    /// What each word of the query gave.
    pub parts: Vec<Part>,
    /// What only those see who see all of the entry.
    pub whole: Option<Whole>,
}

/// What a redacted entry does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The version of the document that the search knows.
    pub digest: Digest,
    /// What its signature is worth.
    pub assurance: Assurance,
    /// Whose it is, and for whom.
    pub scope: Scope,
    /// How the agent of the record of its handle was when it was last asked.
    pub reachability: Reachability,
}

/// What one word gave to a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The word.
    pub word: String,
    /// How much the entry is about it, 1 to 255.
    pub weight: u8,
    /// How rare the word is, in thousandths.
    pub rarity: u32,
}

impl Part {
    /// Weight by rarity.
    #[must_use]
    pub fn points(&self) -> u32 {
        u32::from(self.weight) * self.rarity
    }
}
