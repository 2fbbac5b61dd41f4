//! Hits in the order of relevance.
//!
//! Postings of a word are stored in the order of their weight, the best first. The lists of all words are read in turns
//! (the threshold algorithm of Fagin, Lotem and Naor, 2003): each entry met is judged at once, and the walk ends when no
//! entry that was not met can beat the page. A page that a bound has cut short is never called complete.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::layout;
use crate::view::Read;

use super::cursor::Place;
use super::found::{Bounds, Found};
use super::hit::Hit;
use super::judge::Judge;
use super::posting::{Group, ranked};
use super::stream::{Joined, Reader, Stream, join};
use super::walk;

/// The rank of a hit: the most points first, then by key.
type Rank = (Reverse<u32>, Vec<u8>);

/// The best hits after a place.
struct Top {
    after: Option<Rank>,
    keep: usize,
    best: BTreeMap<Rank, Hit>,
}

impl Top {
    fn offer(&mut self, doc: Vec<u8>, hit: Hit) {
        let rank = (Reverse(hit.points), doc);
        if self.after.as_ref().is_some_and(|after| rank <= *after) {
            return;
        }
        self.best.insert(rank, hit);
        if self.best.len() > self.keep {
            self.best.pop_last();
        }
    }

    /// True if nothing of so many points, or of as many behind this key, can get in.
    fn is_settled(&self, points: u32, doc: &[u8]) -> bool {
        let last = self.best.last_key_value().filter(|_| self.best.len() == self.keep);
        last.is_some_and(|((Reverse(kept), key), _)| {
            *kept > points || (*kept == points && key.as_slice() <= doc)
        })
    }

    fn into_found(mut self, limit: usize, truncated: bool) -> Found {
        let more = self.best.len() > limit;
        while self.best.len() > limit {
            self.best.pop_last();
        }
        let last = self.best.last_key_value().filter(|_| more);
        let next = last.map(|((Reverse(points), doc), _)| Place::After(*points, doc.clone()));
        Found { hits: self.best.into_values().collect(), next, truncated }
    }
}

/// One word's postings, the heaviest first.
struct List {
    stream: Stream,
    rarity: u32,
    /// The posting that was read last, or the first one.
    at: Vec<u8>,
}

impl List {
    /// What a posting that was not read yet gives at most.
    fn ceiling(&self) -> u32 {
        u32::from(u8::MAX - self.at.first().copied().unwrap_or(u8::MAX)) * self.rarity
    }

    fn doc(&self) -> &[u8] {
        self.at.get(1..).unwrap_or_default()
    }
}

/// Up to `limit` hits after a place.
pub(super) fn by_relevance(
    (judge, reader): (&mut Judge<'_>, &mut Reader<'_>),
    groups: &[Group],
    after: Option<(u32, Vec<u8>)>,
    limit: usize,
    bounds: Bounds,
) -> Read<Found> {
    let after = after.map(|(points, doc)| (Reverse(points), doc));
    // One more than the page tells whether there is a next one.
    let mut top = Top { after, keep: limit + 1, best: BTreeMap::new() };
    let rarest = judge.documents_with().min().unwrap_or(0);
    let filtered = judge.query().names().next().is_some() || judge.query().asks_for_facet();
    if filtered {
        let (mut streams, few) = walk::streams(reader.view, judge.query(), groups)?;
        if few <= bounds.few && few < rarest {
            let truncated = by_filters((judge, reader), &mut streams, &mut top, bounds)?;
            return Ok(top.into_found(limit, truncated));
        }
    }
    let Some(mut lists) = lists(judge, reader, groups)? else { return Ok(Found::default()) };
    // The lists that are not read keep their first posting: what they give at most.
    let read = if rarest <= bounds.few { 1 } else { lists.len() };
    resume(&mut lists, &top);
    let truncated = in_turns((judge, reader), &mut lists, read, &mut top, bounds)?;
    Ok(top.into_found(limit, truncated))
}

/// A list for each word, the rarest first; none if one of them has no posting.
fn lists(judge: &Judge<'_>, reader: &mut Reader<'_>, groups: &[Group]) -> Read<Option<Vec<List>>> {
    let mut lists = Vec::new();
    for (word, rarity) in judge.query().words().zip(judge.rarities()) {
        let mut stream = Stream::over(groups.iter().map(|group| ranked(word, group)));
        let Some(at) = stream.seek(&[], reader)? else { return Ok(None) };
        lists.push(List { stream, rarity, at });
    }
    lists.sort_by_key(|list| Reverse(list.rarity));
    Ok(Some(lists))
}

/// With one word the order of its postings is that of the hits: a later page begins where the last one ended.
fn resume(lists: &mut [List], top: &Top) {
    let ([list], Some((Reverse(points), doc))) = (lists, &top.after) else { return };
    if let Ok(weight) = u8::try_from(points / list.rarity)
        && points % list.rarity == 0
    {
        list.at = [&[u8::MAX - weight], doc.as_slice()].concat();
    }
}

/// Judges the entries that all filters have. True if a bound ended it.
fn by_filters(
    (judge, reader): (&mut Judge<'_>, &mut Reader<'_>),
    streams: &mut [Stream],
    top: &mut Top,
    bounds: Bounds,
) -> Read<bool> {
    let mut from = Vec::new();
    loop {
        let doc = match join(streams, &from, reader)? {
            Joined::Both(doc) => doc,
            Joined::End => return Ok(false),
            Joined::Spent(_) => return Ok(true),
        };
        if judge.judged() >= bounds.judged {
            return Ok(true);
        }
        from = layout::after(&doc);
        if let Some(hit) = judge.judge(&doc)? {
            top.offer(doc, hit);
        }
    }
}

/// Reads the first `read` lists in turns. True if a bound ended it.
fn in_turns(
    (judge, reader): (&mut Judge<'_>, &mut Reader<'_>),
    lists: &mut [List],
    read: usize,
    top: &mut Top,
    bounds: Bounds,
) -> Read<bool> {
    let (mut met, mut turn) = (BTreeSet::new(), 0);
    let mut next: Vec<Vec<u8>> = lists.iter().map(|list| list.at.clone()).collect();
    loop {
        let list = &mut lists[turn];
        // A hit has every word, so where one list ends all of them have been met.
        let Some(at) = list.stream.seek(&next[turn], reader)? else { return Ok(false) };
        next[turn] = layout::after(&at);
        list.at = at;
        let doc = list.doc().to_vec();
        if met.insert(doc.clone()) {
            if reader.is_spent() || judge.judged() >= bounds.judged {
                return Ok(true);
            }
            judge.judge(&doc)?.into_iter().for_each(|hit| top.offer(doc.clone(), hit));
        }
        let ceiling = lists.iter().map(List::ceiling).sum();
        let behind = lists[..read].iter().map(List::doc).max().unwrap_or_default();
        if top.is_settled(ceiling, behind) {
            return Ok(false);
        }
        turn = (turn + 1) % read;
    }
}
