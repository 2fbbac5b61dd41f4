//! The update of the search when a proposal changes entries. An entry is never found by words of a body that it no longer
//! names, nor by viewers that may no longer see it.

use proto_types::Handle;

use crate::agent::table::AGENTS;
use crate::bound;
use crate::card::table::CARDS;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::entity::Entity as _;
use crate::record::table::RECORDS;
use crate::source::Source;
use crate::view::{Read, View};

use super::command::PutSearch;
use super::entry::SearchEntry;
use super::subject::{Subject, Touched};
use super::table::SEARCHES;
use super::writes::replace;

/// As long as a document of the edge makes them, with room for a later edge.
const SHOWN_BYTES_MAX: u64 = 512;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutSearch) -> Outcome {
    let PutSearch { source, handle, digest, document } = command;
    for (what, text) in [("name", &document.name), ("summary", &document.summary)] {
        bound::number(&format!("bytes of the {what}"), text.len() as u64, (0, SHOWN_BYTES_MAX))?;
    }
    document.terms.check().map_err(|why| bound::invalid("terms", why))?;
    let entry = (*source, handle.clone());
    // The rule: the proposal has just put the entry.
    let subject = match draft.touched().remove(&entry) {
        Some(touched) => touched.subject,
        None => subject(draft.view(), *source, handle)?,
    };
    let missing = || Refusal::NotFound { kind: source.to_string(), id: handle.to_string() };
    let subject = subject.filter(|subject| subject.digest == *digest).ok_or_else(missing)?;
    let revision = subject.revision;
    let touched = Touched { subject: Some(subject), document: Some(document.clone()) };
    draft.touched().insert(entry, touched);
    Ok(Reply::Done(revision))
}

/// Brings the search in line with every entry that the proposal touched.
pub(crate) fn settle(draft: &mut Draft<'_>) -> Read<()> {
    for (entry, touched) in draft.take_touched() {
        let kept = SEARCHES.entry(draft.view(), &SearchEntry::key_of(entry.0, &entry.1))?;
        let next = next(entry, touched, kept.as_ref());
        if kept != next {
            let writes = replace(draft.view(), kept.as_ref(), next.as_ref())?;
            writes.into_iter().for_each(|write| draft.write(write));
        }
    }
    Ok(())
}

/// The search entry for an entry that was touched, if it can be found. What was read before in the same body still holds.
fn next(
    (source, handle): (Source, Handle),
    touched: Touched,
    kept: Option<&SearchEntry>,
) -> Option<SearchEntry> {
    let Subject { digest, scope, assurance, valid_until, .. } = touched.subject?;
    let of_same = || Some(kept.filter(|kept| kept.digest == digest)?.document.clone());
    let document = touched.document.or_else(of_same)?;
    Some(SearchEntry { source, handle, digest, scope, assurance, valid_until, document })
}

/// What decides who finds an entry that the proposal has not touched.
fn subject(view: &dyn View, source: Source, handle: &Handle) -> Read<Option<Subject>> {
    let id = handle.as_str();
    Ok(match source {
        Source::Card => CARDS.entry(view, id)?.and_then(|card| card.searched()),
        Source::Agent => AGENTS.entry(view, id)?.and_then(|agent| agent.searched()),
        Source::Record => RECORDS.entry(view, id)?.and_then(|record| record.searched()),
    })
}
