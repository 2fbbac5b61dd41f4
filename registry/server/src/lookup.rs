//! One entry with its body, for REST and gRPC alike. What was deleted, is hidden or belongs to another reads like what
//! never was; only an expired record is told apart.

mod agents;

use std::borrow::Cow;

use proto_types::{Digest, Handle, Origin, TaskId, TaskOwner, WallMs};
use proto_wire::registry::v1 as wire;
use registry_api::{Code, List, Problem, render};
use registry_core::entry::{CardEntry, RecordEntry, TaskEntry, TaskState, Turn};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{Disclosure, Viewer};

pub(crate) use self::agents::{agent, provable_agent, seen_agent};

/// An entry as its viewer sees it.
pub(crate) struct Seen<T> {
    pub(crate) entry: T,
    pub(crate) disclosure: Disclosure,
    /// The digest of what is shown, which says nothing about what is not.
    pub(crate) version: Digest,
    /// What is shown.
    pub(crate) document: Vec<u8>,
}

/// A live record and its document, with what its signature is worth now.
pub(crate) fn record(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
    now: WallMs,
) -> Result<Seen<RecordEntry>, Problem> {
    let seen = published_record(view, viewer, handle, (now, |_| false))?;
    record_worth(view, seen)
}

fn record_worth(view: &dyn View, seen: Seen<RecordEntry>) -> Result<Seen<RecordEntry>, Problem> {
    let RecordEntry { assurance, owner, .. } = &seen.entry;
    let assurance = match seen.disclosure {
        Disclosure::Whole => query::assurance(view, owner.as_ref(), *assurance)?,
        _ => *assurance,
    };
    Ok(Seen { entry: RecordEntry { assurance, ..seen.entry }, ..seen })
}

/// The same as it was published: without a look at what its signature is worth now, and without
/// the document of a version that the caller can spare.
pub(crate) fn published_record(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
    (now, spares): (WallMs, impl Fn(&Digest) -> bool),
) -> Result<Seen<RecordEntry>, Problem> {
    let absent = || Problem::not_found("record", handle.as_str());
    let (entry, disclosure) = query::record_seen(view, viewer, handle)?.ok_or_else(absent)?;
    if disclosure < Disclosure::Whole {
        let document = render::redacted::record(handle);
        return Ok(Seen { entry, disclosure, version: Digest::of(&document), document });
    }
    let version = entry.digest.ok_or_else(absent)?;
    if let Some(until) = entry.valid_until.filter(|until| *until <= now) {
        let why = format_args!("record {handle} was valid until {until}");
        let expired = Problem::new(Code::RecordExpired, why);
        return Err(expired.with("validUntil", until.to_rfc3339()));
    }
    let document = if spares(&version) { Vec::new() } else { body(view, &version)? };
    Ok(Seen { entry, disclosure, version, document })
}

/// A record as its writer has left it, who has seen all of it: the body is at hand, unless another version is kept by now.
pub(crate) fn written_record(
    view: &dyn View,
    handle: &Handle,
    (version, document): (Digest, Cow<'_, [u8]>),
    now: WallMs,
) -> Result<Seen<RecordEntry>, Problem> {
    let terms = (now, |kept: &Digest| *kept == version);
    let seen = published_record(view, &Viewer::Operator, handle, terms)?;
    record_worth(view, with_document(seen, (version, document)))
}

/// A card and its document, with what its signature is worth now.
pub(crate) fn card(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Result<Seen<CardEntry>, Problem> {
    card_worth(view, published_card(view, viewer, handle, |_| false)?)
}

fn card_worth(view: &dyn View, seen: Seen<CardEntry>) -> Result<Seen<CardEntry>, Problem> {
    let CardEntry { assurance, owner, .. } = &seen.entry;
    let assurance = query::assurance(view, owner.as_ref(), *assurance)?;
    Ok(Seen { entry: CardEntry { assurance, ..seen.entry }, ..seen })
}

/// The same as it was published, as [`published_record`] is.
pub(crate) fn published_card(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
    spares: impl Fn(&Digest) -> bool,
) -> Result<Seen<CardEntry>, Problem> {
    let seen = query::card_seen(view, viewer, handle)?;
    let (entry, disclosure) = seen.ok_or_else(|| Problem::not_found("card", handle.as_str()))?;
    let (version, document) = match disclosure == Disclosure::Whole && spares(&entry.digest) {
        true => (entry.digest, Vec::new()),
        false => shown(view, &entry.digest, disclosure)?,
    };
    Ok(Seen { entry, disclosure, version, document })
}

/// A card as its writer has left it, as [`written_record`].
pub(crate) fn written_card(
    view: &dyn View,
    handle: &Handle,
    (version, document): (Digest, Cow<'_, [u8]>),
) -> Result<Seen<CardEntry>, Problem> {
    let spares = |kept: &Digest| *kept == version;
    let seen = published_card(view, &Viewer::Operator, handle, spares)?;
    card_worth(view, with_document(seen, (version, document)))
}

/// With the document that was spared, if it is of the version that is kept.
fn with_document<T>(seen: Seen<T>, (version, document): (Digest, Cow<'_, [u8]>)) -> Seen<T> {
    match seen.version == version {
        true => Seen { document: document.into_owned(), ..seen },
        false => seen,
    }
}

/// The document of a live record that the viewer sees whole, for a list of many: nothing is read of a longer one.
pub(crate) fn short_record(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
    (now, bytes_max): (WallMs, u64),
) -> Result<Option<Vec<u8>>, Problem> {
    let seen = query::record_seen(view, viewer, handle)?;
    let short = seen.filter(|(entry, disclosure)| {
        let is_valid = entry.valid_until.is_none_or(|until| until > now);
        *disclosure == Disclosure::Whole && is_valid && entry.bytes <= bytes_max
    });
    let digest = short.and_then(|(entry, _)| entry.digest);
    digest.map(|digest| body(view, &digest)).transpose()
}

/// The same of a card.
pub(crate) fn short_card(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, Problem> {
    let seen = query::card_seen(view, viewer, handle)?;
    let short = seen
        .filter(|(entry, disclosure)| *disclosure == Disclosure::Whole && entry.bytes <= bytes_max);
    short.map(|(entry, _)| body(view, &entry.digest)).transpose()
}

/// A card's bytes as far as they are seen, with their digest.
fn shown(
    view: &dyn View,
    digest: &Digest,
    disclosure: Disclosure,
) -> Result<(Digest, Vec<u8>), Problem> {
    let whole = body(view, digest)?;
    if disclosure == Disclosure::Whole {
        return Ok((*digest, whole));
    }
    let part = render::redacted::card(&whole);
    Ok((Digest::of(&part), part))
}

/// The reputation of a peer that is, or was, enrolled.
pub(crate) fn reputation(
    view: &dyn View,
    origin: &Origin,
) -> Result<wire::PeerReputation, Problem> {
    query::peer(view, origin)?.ok_or_else(|| Problem::not_found("peer", origin.as_str()))?;
    Ok(render::reputation::reputation(origin, &query::reputation(view, origin)?))
}

/// A peer with its manifest.
pub(crate) fn peer(view: &dyn View, origin: &Origin) -> Result<wire::Peer, Problem> {
    let entry = query::peer(view, origin)?;
    let entry = entry.ok_or_else(|| Problem::not_found("peer", origin.as_str()))?;
    let stated = entry.current_manifest();
    let manifest = stated.map(|manifest| body(view, &manifest.digest)).transpose()?;
    Ok(render::peer::peer(&entry, manifest))
}

/// A page of a peer's log, each line with its document and digest.
pub(crate) fn peer_log(
    view: &dyn View,
    origin: &Origin,
    after: u64,
    limit: usize,
) -> Result<wire::PeerLog, Problem> {
    let entry = query::peer(view, origin)?;
    let entry = entry.ok_or_else(|| Problem::not_found("peer", origin.as_str()))?;
    // The digest of a line stands in the next one, so one more is read.
    let mut lines = query::peer_log(view, origin, after, limit + 1)?;
    let more = lines.len() > limit;
    let newest = entry.log.map(|head| head.digest);
    let known: Vec<_> = lines.iter().skip(1).map(|line| line.entry.prev).chain([newest]).collect();
    lines.truncate(limit);
    let entries = lines.iter().zip(known).map(|(line, digest)| {
        let document = line.body.map(|digest| body(view, &digest)).transpose()?;
        let digest = digest.unwrap_or_else(|| line.entry.digest());
        Ok(render::peer::line(line, digest, document.unwrap_or_default()))
    });
    Ok(wire::PeerLog { entries: entries.collect::<Result<_, Problem>>()?, more })
}

/// A page of requests to be let in.
pub(crate) fn peer_requests(
    view: &dyn View,
    (member, cursor): (&str, &str),
    limit: usize,
) -> Result<wire::PeerRequestList, Problem> {
    let cursors = List::PeerRequests.of(query::cluster_epoch(view)?);
    let place = |text: &str| -> Option<(Origin, Digest)> {
        let (origin, id) = text.split_once(' ')?;
        Some((origin.parse().ok()?, id.parse().ok()?))
    };
    let after = cursors.after_by(member, cursor, place)?;
    let page = query::peer_requests(view, after.as_ref().map(|(o, id)| (o, id)), limit)?;
    let last = page.last().filter(|_| page.len() == limit);
    let last = last.map(|last| format!("{} {}", last.candidate.origin, last.id));
    let next = cursors.cursor(&last.unwrap_or_default());
    Ok(wire::PeerRequestList { requests: page.iter().map(render::peer::request).collect(), next })
}

/// A task, if `owner` may see it; `None` is an operator.
pub(crate) fn task(
    view: &dyn View,
    id: &TaskId,
    owner: Option<&TaskOwner>,
) -> Result<TaskEntry, Problem> {
    let entry = query::task(view, id)?;
    let seen = entry.filter(|task| owner.is_none_or(|owner| task.owner == *owner));
    seen.ok_or_else(|| Problem::not_found("task", id.as_str()))
}

/// What was said in an earlier turn of a task.
pub(crate) fn said(view: &dyn View, turn: &Turn) -> Result<wire::Turn, Problem> {
    let outcome = turn.outcome.map(|outcome| body(view, &outcome)).transpose()?;
    let outcome = outcome.unwrap_or_default().into();
    Ok(wire::Turn { input: body(view, &turn.input)?.into(), outcome })
}

/// A task with its bodies; its newest message is not read for who has just sent it.
pub(crate) fn whole_task(
    view: &dyn View,
    entry: &TaskEntry,
    omit_input: bool,
) -> Result<wire::Task, Problem> {
    let input = if omit_input { Vec::new() } else { body(view, &entry.input)? };
    let outcome = match &entry.state {
        TaskState::Ended { outcome: Some(digest), .. } => body(view, digest)?,
        _ => Vec::new(),
    };
    let turns = entry.turns.iter().map(|turn| said(view, turn)).collect::<Result<_, _>>()?;
    Ok(wire::Task { turns, ..render::fleet::task(entry, input, outcome) })
}

/// A body that an entry names.
pub(crate) fn body(view: &dyn View, digest: &Digest) -> Result<Vec<u8>, Problem> {
    let missing = || Problem::internal(format_args!("the body {digest} of an entry is missing"));
    query::body(view, digest)?.ok_or_else(missing)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Namespace, Revision};
    use registry_core::change::Write;
    use registry_core::entry::Visibility;
    use registry_core::table::{CARDS, RECORDS, body_key};
    use registry_core::view::{Memory, Space};

    use super::*;

    const TEXT: &[u8] = b"a document";

    fn record(handle: &Handle, visibility: Visibility, bytes: u64) -> RecordEntry {
        RecordEntry {
            handle: handle.clone(),
            digest: Some(Digest::of(TEXT)),
            updated_at: WallMs(1),
            valid_until: Some(WallMs(9)),
            ttl_s: None,
            agent_card_url: String::new(),
            assurance: Default::default(),
            owner: None,
            visibility,
            namespace: Namespace::default(),
            bytes,
            revision: Revision(1),
        }
    }

    fn card(handle: &Handle, visibility: Visibility, bytes: u64) -> CardEntry {
        CardEntry {
            handle: handle.clone(),
            digest: Digest::of(TEXT),
            assurance: Default::default(),
            owner: None,
            kid: None,
            visibility,
            namespace: Namespace::default(),
            bytes,
            revision: Revision(1),
        }
    }

    #[test]
    fn what_a_writer_has_brought_is_read_only_if_another_version_is_kept() {
        let handle: Handle = "urn:a:00000001".parse().unwrap();
        let mut state = Memory::default();
        state.commit(&[
            RECORDS.put(&record(&handle, Visibility::Private, 100)),
            CARDS.put(&card(&handle, Visibility::Private, 100)),
        ]);
        let brought = |text: &'static [u8]| (Digest::of(text), Cow::Borrowed(text));
        // There is no body: to read it is an error.
        let written = |text: &'static [u8]| {
            let record = written_record(&state, &handle, brought(text), WallMs(1)).ok();
            let card = written_card(&state, &handle, brought(text)).ok();
            (record.map(|seen| seen.document), card.map(|seen| seen.document))
        };
        assert_eq!(written(TEXT), (Some(TEXT.to_vec()), Some(TEXT.to_vec())));
        assert_eq!(written(b"another"), (None, None));
        let spared = published_card(&state, &Viewer::Operator, &handle, |_| true).unwrap();
        assert_eq!((spared.version, spared.document), (Digest::of(TEXT), Vec::new()));
    }

    #[test]
    fn nothing_is_read_of_a_document_that_is_too_long_or_not_for_the_viewer() {
        let handle: Handle = "urn:a:00000001".parse().unwrap();
        let mut state = Memory::default();
        let mut read = |visibility, bytes, now| {
            state.commit(&[
                RECORDS.put(&record(&handle, visibility, bytes)),
                CARDS.put(&card(&handle, visibility, bytes)),
            ]);
            let (view, viewer) = (&state as &dyn View, &Viewer::Anonymous);
            let record = short_record(view, viewer, &handle, (WallMs(now), 100));
            let card = short_card(view, viewer, &handle, 100);
            // There is no body: to read it is an error.
            let is_read = |found: Result<Option<Vec<u8>>, Problem>| found.is_err();
            (is_read(record), is_read(card))
        };
        assert_eq!(read(Visibility::Public, 100, 1), (true, true));
        assert_eq!(read(Visibility::Public, 101, 1), (false, false));
        assert_eq!(read(Visibility::Redacted, 100, 1), (false, false));
        assert_eq!(read(Visibility::Public, 100, 9), (false, true), "the record is over");
        let (space, key, value) = (Space::Bodies, body_key(&Digest::of(TEXT)), TEXT.to_vec());
        state.commit(&[Write::Put { space, key, value }]);
        let card = short_card(&state, &Viewer::Anonymous, &handle, 100);
        assert_eq!(card.unwrap().as_deref(), Some(TEXT));
    }
}
