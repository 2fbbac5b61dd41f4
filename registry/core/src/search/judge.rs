//! The decision whether an entry is a hit, and its score. The index only proposes; the entry is judged by what the viewer
//! sees. Words and names of a redacted entry that the viewer may not see are never read.

use std::collections::BTreeMap;

use proto_types::card::Assurance;
use proto_types::{Origin, WallMs};

use crate::conduct;
use crate::peer;
use crate::peer::entry::PeerStatus;
use crate::reachability;
use crate::reachability::entry::Reachability;
use crate::view::{Read, View, ViewError};
use crate::viewer::{Disclosure, Viewer};

use super::entry::SearchEntry;
use super::hit::{Basis, Hit, Part, Whole};
use super::query::Query;
use super::statistics;
use super::table::SEARCHES;
use super::terms::{Term, TermKind};

/// Words are never rarer than this, so that a word that all have still orders by weight.
const RARITY_MIN: u32 = 1;

/// Judges the candidates of one query.
pub(super) struct Judge<'a> {
    view: &'a dyn View,
    query: &'a Query,
    viewer: &'a Viewer,
    now: WallMs,
    basis: Basis,
    judged: usize,
    /// Whether the owners that were met so far are reputed enough.
    owners: BTreeMap<Origin, bool>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        view: &'a dyn View,
        (query, viewer): (&'a Query, &'a Viewer),
        now: WallMs,
    ) -> Read<Self> {
        let basis = basis(view, query)?;
        Ok(Self { view, query, viewer, now, basis, judged: 0, owners: BTreeMap::new() })
    }

    pub(super) fn query(&self) -> &'a Query {
        self.query
    }

    /// How rare the words are, in the order of the query's words.
    pub(super) fn rarities(&self) -> impl Iterator<Item = u32> {
        self.basis.words.iter().map(|(_, _, rarity)| *rarity)
    }

    /// How many public entries have each word, in the same order.
    pub(super) fn documents_with(&self) -> impl Iterator<Item = u64> {
        self.basis.words.iter().map(|(_, documents, _)| *documents)
    }

    pub(super) fn judged(&self) -> usize {
        self.judged
    }

    pub(super) fn into_basis(self) -> Basis {
        self.basis
    }

    /// The hit that the entry under this key is, if it is one.
    pub(super) fn judge(&mut self, doc: &[u8]) -> Read<Option<Hit>> {
        self.judged += 1;
        let Some(entry) = std::str::from_utf8(doc)
            .ok()
            .map(|key| SEARCHES.entry(self.view, key))
            .transpose()?
            .flatten()
        else {
            let cause = "a posting without its entry".to_owned();
            return Err(ViewError::Corrupt { table: "search index", cause });
        };
        let disclosure = self.viewer.disclosure(&entry.scope);
        if disclosure == Disclosure::Hidden
            || !self.stands(&entry, disclosure)
            || !self.has_names(&entry, disclosure)
        {
            return Ok(None);
        }
        let Some(parts) = self.parts(&entry, disclosure) else { return Ok(None) };
        if !self.is_reputed(&entry, disclosure)? {
            return Ok(None);
        }
        let reachability = self.reachability(&entry, disclosure)?;
        Ok(self
            .query
            .admits_class(reachability)
            .then(|| hit(entry, (disclosure, reachability), parts)))
    }

    /// How the entry's agent is, as far as it is shown: of a redacted entry it is not.
    fn reachability(&self, entry: &SearchEntry, disclosure: Disclosure) -> Read<Reachability> {
        match disclosure {
            Disclosure::Whole => {
                Ok(reachability::query::reachability_seen(self.view, self.viewer, &entry.handle)?
                    .map_or(Reachability::Unknown, |seen| seen.class))
            }
            Disclosure::Hidden | Disclosure::Redacted => Ok(Reachability::Unknown),
        }
    }

    /// Whether the entry's owner, as far as it is shown, is reputed enough. What is read for it counts as if entries had
    /// been judged: a search is no longer for it.
    fn is_reputed(&mut self, entry: &SearchEntry, disclosure: Disclosure) -> Read<bool> {
        let least = self.query.reputation();
        if least == 0 {
            return Ok(true);
        }
        let owner = entry.scope.owner.as_ref().filter(|_| disclosure == Disclosure::Whole);
        let Some(owner) = owner else { return Ok(false) };
        if let Some(known) = self.owners.get(owner) {
            return Ok(*known);
        }
        let peer = peer::query::peer(self.view, owner)?;
        let reputation = conduct::query::reputation(self.view, owner)?;
        self.judged += reputation.lines.len();
        let active = peer.is_some_and(|peer| peer.status == PeerStatus::Active);
        let reputed = active && reputation.working.score.reaches(least);
        self.owners.insert(owner.clone(), reputed);
        Ok(reputed)
    }

    fn stands(&self, entry: &SearchEntry, disclosure: Disclosure) -> bool {
        let least = self.query.assurance();
        let worth = match disclosure {
            Disclosure::Whole => entry.assurance >= least,
            _ => least == Assurance::Unsigned,
        };
        let expired = entry.valid_until.is_some_and(|until| until <= self.now);
        worth && !expired && self.query.admits(entry.source)
    }

    fn has_names(&self, entry: &SearchEntry, disclosure: Disclosure) -> bool {
        let has =
            |kind, text| entry.document.terms.find(kind, text).map(|term| seen(&term, disclosure));
        self.query.names().all(|(kind, text)| has(kind, text).is_some_and(|weight| weight > 0))
    }

    fn parts(&self, entry: &SearchEntry, disclosure: Disclosure) -> Option<Vec<Part>> {
        let part = |(word, _, rarity): &(String, u64, u32)| {
            let term = entry.document.terms.find(TermKind::Word, word)?;
            let weight = seen(&term, disclosure);
            let part = Part { word: word.clone(), weight, rarity: *rarity };
            (weight > 0).then_some(part)
        };
        self.basis.words.iter().map(part).collect()
    }
}

fn seen(term: &Term<'_>, disclosure: Disclosure) -> u8 {
    match disclosure {
        Disclosure::Hidden => 0,
        Disclosure::Redacted => term.open,
        Disclosure::Whole => term.weight,
    }
}

fn hit(
    entry: SearchEntry,
    (disclosure, reachability): (Disclosure, Reachability),
    parts: Vec<Part>,
) -> Hit {
    let (digest, assurance, scope) = (entry.digest, entry.assurance, entry.scope);
    Hit {
        source: entry.source,
        handle: entry.handle,
        name: entry.document.name,
        summary: entry.document.summary,
        points: parts.iter().map(Part::points).sum(),
        parts,
        whole: (disclosure == Disclosure::Whole).then_some(Whole {
            digest,
            assurance,
            scope,
            reachability,
        }),
    }
}

fn basis(view: &dyn View, query: &Query) -> Read<Basis> {
    let reputation = query.reputation();
    if !query.is_ranked() {
        return Ok(Basis { reputation, ..Basis::default() });
    }
    let documents = statistics::with_facet(view, &Query::default().facets())?;
    let word = |word: &str| {
        let with = statistics::with_term(view, TermKind::Word, word)?;
        Ok((word.to_owned(), with, rarity(with, documents)))
    };
    let words = query.words().map(word).collect::<Read<_>>()?;
    Ok(Basis { documents, words, reputation })
}

/// The other half of BM25: `ln(1 + (N - n + 0.5) / (n + 0.5))`, in thousandths.
fn rarity(with: u64, documents: u64) -> u32 {
    let (n, all) = (with as f64, documents.max(with) as f64);
    let rarity = (1.0 + (all - n + 0.5) / (n + 0.5)).ln() * 1_000.0;
    // At most 1,000 ln(2^65) = 45,055; the cast saturates.
    (rarity.round() as u32).max(RARITY_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_count_more_and_none_counts_nothing() {
        assert!(rarity(1, 1_000) > rarity(10, 1_000) && rarity(10, 1_000) > rarity(999, 1_000));
        assert_eq!(rarity(1_000_000, 1_000_000), RARITY_MIN);
        assert!(rarity(0, u64::MAX) < 46_000, "8 words of 255 stay within a u32");
    }
}
