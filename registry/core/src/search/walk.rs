//! Hits in the order of their handles, for queries of filters alone. It seeks from the rarest filter's next entry to
//! where the others have it, and never passes over an entry between two pages.

use crate::layout;
use crate::view::{Read, View};

use super::cursor::Place;
use super::found::{Bounds, Found};
use super::judge::Judge;
use super::posting::{Group, facet, named};
use super::query::Query;
use super::statistics;
use super::stream::{Joined, Reader, Stream, join};

/// The streams of a query's filters, the rarest first, and how many public entries that one has.
pub(super) fn streams(
    view: &dyn View,
    query: &Query,
    groups: &[Group],
) -> Read<(Vec<Stream>, u64)> {
    let mut streams = Vec::new();
    for (kind, text) in query.names() {
        let prefixes = groups.iter().map(|group| named(kind, text, group));
        streams.push((statistics::with_term(view, kind, text)?, Stream::over(prefixes)));
    }
    if streams.is_empty() || query.asks_for_facet() {
        let facets = query.facets();
        let pairs = facets.iter().flat_map(|of| groups.iter().map(|group| facet(*of, group)));
        streams.push((statistics::with_facet(view, &facets)?, Stream::over(pairs)));
    }
    streams.sort_by_key(|(with, _)| *with);
    let rarest = streams.first().map_or(0, |(with, _)| *with);
    Ok((streams.into_iter().map(|(_, stream)| stream).collect(), rarest))
}

/// Up to `limit` hits from a key on.
pub(super) fn by_handle(
    (judge, reader): (&mut Judge<'_>, &mut Reader<'_>),
    groups: &[Group],
    from: Vec<u8>,
    limit: usize,
    bounds: Bounds,
) -> Read<Found> {
    let (mut streams, _) = streams(reader.view, judge.query(), groups)?;
    let (mut found, mut from) = (Found::default(), from);
    loop {
        let doc = match join(&mut streams, &from, reader)? {
            Joined::Both(doc) => doc,
            Joined::End => return Ok(found),
            Joined::Spent(at) => {
                (found.next, found.truncated) = (Some(Place::From(at)), true);
                return Ok(found);
            }
        };
        if found.hits.len() == limit || judge.judged() >= bounds.judged {
            found.truncated = found.hits.len() < limit;
            found.next = Some(Place::From(doc));
            return Ok(found);
        }
        found.hits.extend(judge.judge(&doc)?);
        from = layout::after(&doc);
    }
}
