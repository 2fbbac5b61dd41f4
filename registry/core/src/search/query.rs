//! A query and what it means. It never exceeds its bounds, whoever made it.

use std::collections::BTreeSet;

use proto_types::Digest;
use proto_types::card::Assurance;

use crate::reachability::entry::Reachability;
use crate::source::Source;

use super::entry::SearchEntry;
use super::terms::TermKind;
use super::words::{term, words};

/// Words of a query at most.
pub const WORDS_MAX: usize = 8;

/// Names that filters of a query ask for at most, all kinds together.
pub const FILTERS_MAX: usize = 16;

/// A query: an entry is found if all of it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    words: BTreeSet<String>,
    names: BTreeSet<(TermKind, String)>,
    sources: BTreeSet<Source>,
    assurance: Assurance,
    classes: BTreeSet<Reachability>,
    /// In tenths.
    reputation: u8,
}

/// Why a query cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// More words than a query may have.
    #[error("at most {WORDS_MAX} different words are allowed")]
    Words,
    /// There was text, and no letter or digit in it.
    #[error("it has no letter and no digit")]
    NoWord,
    /// More names than filters may ask for.
    #[error("at most {FILTERS_MAX} filters are allowed")]
    Filters,
    /// No entry can have such a name.
    #[error("it is empty, longer than 128 bytes, or has control characters")]
    Name,
}

impl Query {
    /// With these words too, wherever they stand in name, description or skills.
    ///
    /// # Errors
    /// `NoWord`, `Words`.
    pub fn text(mut self, text: &str) -> Result<Self, QueryError> {
        let mut found = words(text).peekable();
        found.peek().ok_or(QueryError::NoWord)?;
        for word in found {
            self.words.insert(word);
            if self.words.len() > WORDS_MAX {
                return Err(QueryError::Words);
            }
        }
        Ok(self)
    }

    /// With this name too; case and accents do not matter.
    ///
    /// # Errors
    /// `Name`, `Filters`.
    pub fn with(mut self, kind: TermKind, name: &str) -> Result<Self, QueryError> {
        self.names.insert((kind, term(name).ok_or(QueryError::Name)?));
        if self.names.len() > FILTERS_MAX { Err(QueryError::Filters) } else { Ok(self) }
    }

    /// Entries of this kind, or of another that was named.
    #[must_use]
    pub fn of(mut self, source: Source) -> Self {
        self.sources.insert(source);
        self
    }

    /// Entries whose signature is worth this or more.
    #[must_use]
    pub fn at_least(mut self, assurance: Assurance) -> Self {
        self.assurance = assurance;
        self
    }

    /// Entries whose agent was so when it was last asked, or as another class that was named.
    #[must_use]
    pub fn seen_as(mut self, class: Reachability) -> Self {
        self.classes.insert(class);
        self
    }

    /// Entries of peers whose score is so many tenths or more. A finer step would let anybody find out a score by asking
    /// again and again.
    #[must_use]
    pub fn reputed(mut self, tenths: u8) -> Self {
        self.reputation = tenths;
        self
    }

    /// The least score of an entry's owner, in tenths.
    #[must_use]
    pub fn reputation(&self) -> u8 {
        self.reputation
    }

    /// Holds for the classes of liveness that were named.
    #[must_use]
    pub fn admits_class(&self, class: Reachability) -> bool {
        self.classes.is_empty() || self.classes.contains(&class)
    }

    /// The words, each once, in their order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The names, each once, in their order.
    pub fn names(&self) -> impl Iterator<Item = (TermKind, &str)> {
        self.names.iter().map(|(kind, text)| (*kind, text.as_str()))
    }

    /// True if the best come first; else the order is that of handles.
    #[must_use]
    pub fn is_ranked(&self) -> bool {
        !self.words.is_empty()
    }

    /// Holds for entries of the kinds that were named.
    pub(super) fn admits(&self, source: Source) -> bool {
        self.sources.is_empty() || self.sources.contains(&source)
    }

    /// The kinds of entries that were named; none means all.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.sources.iter().copied()
    }

    /// The least assurance.
    #[must_use]
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The facets that an entry may have.
    pub(super) fn facets(&self) -> Vec<Facet> {
        let all = Source::ALL.iter().copied().flat_map(Facet::all_of);
        let kept = |facet: &Facet| {
            let enough = match facet.assurance {
                Some(assurance) => assurance >= self.assurance,
                None => self.assurance == Assurance::Unsigned,
            };
            enough && self.admits(facet.source)
        };
        all.filter(kept).collect()
    }

    /// True if not every facet will do.
    pub(super) fn asks_for_facet(&self) -> bool {
        !self.sources.is_empty() || self.assurance > Assurance::Unsigned
    }

    /// A name for this query, so that a cursor of another is told.
    pub(super) fn digest(&self) -> [u8; 8] {
        let text = format!("{self:?}");
        let digest = Digest::of(text.as_bytes());
        let mut short = [0; 8];
        short.copy_from_slice(&digest.as_bytes()[..8]);
        short
    }
}

/// What every entry has one of: its kind, and what its signature is worth, or that this is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facet {
    source: Source,
    assurance: Option<Assurance>,
}

impl Facet {
    /// As those see it who see all of the entry.
    pub(super) fn of(entry: &SearchEntry) -> Self {
        Self { source: entry.source, assurance: Some(entry.assurance) }
    }

    /// As those see it who see its name and description.
    pub(super) fn open(source: Source) -> Self {
        Self { source, assurance: None }
    }

    fn all_of(source: Source) -> impl Iterator<Item = Self> {
        const ASSURANCES: [Option<Assurance>; 5] = [
            None,
            Some(Assurance::Unsigned),
            Some(Assurance::SelfAsserted),
            Some(Assurance::Enrolled),
            Some(Assurance::DomainProven),
        ];
        ASSURANCES.into_iter().map(move |assurance| Self { source, assurance })
    }

    /// Its bytes in keys.
    pub(super) fn bytes(self) -> [u8; 2] {
        let assurance = match self.assurance {
            None => b'?',
            Some(Assurance::Unsigned) => b'0',
            Some(Assurance::SelfAsserted) => b'1',
            Some(Assurance::Enrolled) => b'2',
            Some(Assurance::DomainProven) => b'3',
        };
        [self.source.byte(), assurance]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_query_keeps_its_bounds() {
        let many: Vec<String> = (0..=WORDS_MAX).map(|n| format!("w{n}")).collect();
        assert_eq!(Query::default().text(&many.join(" ")), Err(QueryError::Words));
        assert_eq!(Query::default().text(" ?! "), Err(QueryError::NoWord));
        assert_eq!(Query::default().with(TermKind::Tag, " "), Err(QueryError::Name));
        let mut query = Query::default();
        for n in 0..FILTERS_MAX {
            query = query.with(TermKind::Tag, &format!("t{n}")).unwrap();
        }
        assert_eq!(query.with(TermKind::Skill, "one more"), Err(QueryError::Filters));
    }

    #[test]
    fn the_same_query_in_other_words_has_the_same_digest() {
        let one = Query::default().text("Größe a").unwrap();
        let other = Query::default().text("A grosse, a").unwrap();
        assert_eq!(one.digest(), other.digest());
        assert_ne!(one.digest(), one.clone().of(Source::Card).digest());
    }
}
