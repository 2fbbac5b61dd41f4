//! Search over cards, agents and records (docs/decisions/0022-search.md). What a viewer may not see never changes
//! its answer: no hit, order, number or cursor.
//!
//! 1. The edge reads words and names of a body once; `apply` keeps them beside the entry, as a `document`.
//! 2. `posting` derives a key for each term and each group of viewers; `statistics` counts terms.
//! 3. `walk` finds hits by filters, in the order of handles; `ranked` finds them by words, in the order of weight.
//! 4. `judge` decides each hit by what its viewer sees, and scores it.

pub(crate) mod apply;
pub(crate) mod command;
mod cursor;
pub(crate) mod document;
pub(crate) mod entry;
mod found;
mod hit;
mod judge;
pub(crate) mod posting;
mod query;
mod ranked;
pub(crate) mod statistics;
mod stream;
pub(crate) mod subject;
pub(crate) mod table;
mod terms;
mod walk;
mod words;
mod writes;

use proto_types::WallMs;

use crate::member;
use crate::view::{View, ViewError};
use crate::viewer::Viewer;

pub use self::command::PutSearch;
pub use self::cursor::CursorError;
pub use self::document::{Document, Facts, Skill};
pub use self::found::Bounds;
pub use self::hit::{Basis, Hit, Page, Part, Whole, Work};
pub use self::posting::NAMESPACES_MAX;
pub use self::query::{FILTERS_MAX, Query, QueryError, WORDS_MAX};
pub use self::subject::Subject;
pub use self::terms::{TERMS_MAX, Term, TermKind, Terms};
pub use self::words::{TERM_BYTES_MAX, WORD_BYTES_MAX, term, words};
pub use self::writes::replace;

use self::cursor::Place;
use self::judge::Judge;
use self::posting::Group;
use self::stream::Reader;

/// One search: what for, by whom, when, and from where on.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// What is searched for.
    pub query: &'a Query,
    /// Who searches.
    pub viewer: &'a Viewer,
    /// Entries that are past their end are not found.
    pub now: WallMs,
    /// `next` of the page before.
    pub cursor: Option<&'a str>,
    /// Hits of a page at most.
    pub limit: usize,
    /// What it may cost.
    pub bounds: Bounds,
}

/// Why a search was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The caller's cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store.
    #[error(transparent)]
    View(#[from] ViewError),
}

impl Search<'_> {
    /// The page of hits from the cursor on: the most relevant first if the query has words, else by handle.
    ///
    /// # Errors
    /// The cursor is not one of this query, or the store failed.
    pub fn run(&self, view: &dyn View) -> Result<Page, SearchError> {
        let epoch = member::query::cluster_epoch(view)?;
        let read = |cursor| Place::read(cursor, self.query, epoch);
        let place = self.cursor.map(read).transpose()?;
        let (groups, all_groups) = Group::of_viewer(self.viewer);
        let mut judge = Judge::new(view, (self.query, self.viewer), self.now)?;
        let mut reader = Reader::new(view, self.bounds.postings);
        let (tools, limit, bounds) = ((&mut judge, &mut reader), self.limit, self.bounds);
        let found = match place {
            Some(Place::After(points, doc)) => {
                ranked::by_relevance(tools, &groups, Some((points, doc)), limit, bounds)?
            }
            None if self.query.is_ranked() => {
                ranked::by_relevance(tools, &groups, None, limit, bounds)?
            }
            Some(Place::From(from)) => walk::by_handle(tools, &groups, from, limit, bounds)?,
            None => walk::by_handle(tools, &groups, Vec::new(), limit, bounds)?,
        };
        let (seeks, postings) = reader.read_so_far();
        let work = Work { seeks, postings, judged: judge.judged() };
        let next = found.next.map(|place| place.cursor(self.query, epoch));
        let truncated = found.truncated || !all_groups;
        Ok(Page { hits: found.hits, next, truncated, basis: judge.into_basis(), work })
    }
}
