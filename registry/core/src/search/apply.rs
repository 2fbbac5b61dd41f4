//! The update of the search when a proposal changes entries. An entry is never found by words of a body that it no longer
//! names, nor by viewers that may no longer see it.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Revision, WallMs};

use crate::agent::table::AGENTS;
use crate::bound;
use crate::card::table::CARDS;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::record::table::RECORDS;
use crate::source::Source;
use crate::view::{Read, View};
use crate::visibility::{Scope, Scoped as _};

use super::command::PutSearch;
use super::document::Document;
use super::entry::SearchEntry;
use super::table::SEARCHES;
use super::writes::replace;

/// As long as a document of the edge makes them, with room for a later edge.
const SHOWN_BYTES_MAX: u64 = 512;

/// What decides who finds an entry, as the entry itself says it.
struct Subject {
    digest: Digest,
    scope: Scope,
    assurance: Assurance,
    valid_until: Option<WallMs>,
    revision: Revision,
}

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutSearch) -> Outcome {
    let PutSearch { source, handle, digest, document } = command;
    for (what, text) in [("name", &document.name), ("summary", &document.summary)] {
        bound::number(&format!("bytes of the {what}"), text.len() as u64, (0, SHOWN_BYTES_MAX))?;
    }
    document.terms.check().map_err(|why| bound::invalid("terms", why))?;
    let subject = subject(draft.view(), *source, handle)?;
    let missing = || Refusal::NotFound { kind: source.to_string(), id: handle.to_string() };
    let subject = subject.filter(|subject| subject.digest == *digest).ok_or_else(missing)?;
    draft.describe(*source, handle, document);
    Ok(Reply::Done(subject.revision))
}

/// Brings the search in line with every entry that the proposal touched.
pub(crate) fn settle(draft: &mut Draft<'_>) -> Read<()> {
    for ((source, handle), told) in draft.take_touched() {
        let next = next(draft.view(), source, &handle, told)?;
        let kept = kept(draft.view(), source, &handle)?;
        if kept != next {
            let writes = replace(draft.view(), kept.as_ref(), next.as_ref())?;
            writes.into_iter().for_each(|write| draft.write(write));
        }
    }
    Ok(())
}

fn next(
    view: &dyn View,
    source: Source,
    handle: &Handle,
    told: Option<Document>,
) -> Read<Option<SearchEntry>> {
    let Some(subject) = subject(view, source, handle)? else { return Ok(None) };
    let document = match told {
        Some(document) => Some(document),
        None => {
            let kept = kept(view, source, handle)?.filter(|kept| kept.digest == subject.digest);
            kept.map(|kept| kept.document)
        }
    };
    let Subject { digest, scope, assurance, valid_until, .. } = subject;
    let handle = handle.clone();
    let entry =
        |document| SearchEntry { source, handle, digest, scope, assurance, valid_until, document };
    Ok(document.map(entry))
}

fn kept(view: &dyn View, source: Source, handle: &Handle) -> Read<Option<SearchEntry>> {
    SEARCHES.entry(view, &SearchEntry::key_of(source, handle))
}

/// The entry that can be found, if it is there.
fn subject(view: &dyn View, source: Source, handle: &Handle) -> Read<Option<Subject>> {
    let id = handle.as_str();
    Ok(match source {
        Source::Card => CARDS.entry(view, id)?.map(|card| Subject {
            scope: card.scope(),
            digest: card.digest,
            assurance: card.assurance,
            valid_until: None,
            revision: card.revision,
        }),
        Source::Agent => AGENTS.entry(view, id)?.map(|agent| Subject {
            scope: agent.scope(),
            digest: agent.card,
            // An operator's word, and no signature.
            assurance: Assurance::Unsigned,
            valid_until: None,
            revision: agent.revision,
        }),
        Source::Record => RECORDS.entry(view, id)?.and_then(|record| {
            Some(Subject {
                scope: record.scope(),
                digest: record.digest?,
                assurance: record.assurance,
                valid_until: record.valid_until,
                revision: record.revision,
            })
        }),
    })
}
