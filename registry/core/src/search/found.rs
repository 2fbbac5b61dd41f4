//! The bounds of a search, and the result of each of its two orders.

use super::cursor::Place;
use super::hit::Hit;

/// What one search may cost; beyond it the answer says that it is truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Keys of the index that are read.
    pub postings: usize,
    /// Entries that are judged.
    pub judged: usize,
    /// A word or filter that at most so many public entries have is walked to its end, and the page is exact; for
    /// more, the lists of all words are read in turns until the page is settled.
    pub few: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { postings: 6_000, judged: 1_500, few: 512 }
    }
}

/// Hits, and where it goes on.
#[derive(Default)]
pub(super) struct Found {
    pub(super) hits: Vec<Hit>,
    pub(super) next: Option<Place>,
    pub(super) truncated: bool,
}
