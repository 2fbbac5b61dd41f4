//! The decision which version of a record is kept. An older `updatedAt` never replaces a newer one, and a deleted record
//! never comes back with a version from before its deletion.

use proto_types::manifest::KeyUse;
use proto_types::{Digest, Handle, Revision};

use crate::bound::{self, MINUTE_MS, URL_BYTES_MAX};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::history::entry::ChangeKind;
use crate::import::command::{Import, ImportedRecord};
use crate::import::entry::ImportKind;
use crate::import::home;
use crate::namespace;
use crate::namespace::entry::Usage;
use crate::namespace::tenancy::NamespaceContext;
use crate::peer::owner;
use crate::reachability;
use crate::reachability::entry::Subject;
use crate::visibility::Scoped;

use super::command::{DeleteRecord, PutRecord};
use super::entry::RecordEntry;
use super::table::RECORDS;

/// Clocks of honest writers differ by less; a later one would lock out every other writer.
const AHEAD_MS_MAX: u64 = 5 * MINUTE_MS;

pub(crate) fn put(draft: &mut Draft<'_>, command: &PutRecord) -> Outcome {
    let handle = &command.handle;
    let mut record = record_of(command);
    bound::text("agentCardUrl", &command.agent_card_url, URL_BYTES_MAX)?;
    let kept = draft.entry(&RECORDS, handle.as_str())?;
    let live = kept.as_ref().filter(|kept| kept.digest.is_some());
    let namespace = NamespaceContext::of(draft, handle)?;
    record.visibility = namespace.visibility(command.visibility, live.map(|kept| kept.visibility));
    record.namespace = namespace.name.clone();
    if let Some(kept) = live
        && is_settled(draft, kept, &mut record, command.vouched)?
    {
        return Ok(Reply::Done(kept.revision));
    }
    check_offer(draft, command, kept.as_ref(), &record)?;
    namespace.check_trust(("record", handle), live.map(|kept| kept.assurance), record.assurance)?;
    record.bytes = draft.require_body(&command.digest)?;
    namespace.account(draft, live.map(RecordEntry::usage), record.usage())?;
    let scopes = (live.map(Scoped::scope), Some(record.scope()));
    record.revision = draft.note_in(ChangeKind::Record, handle.as_str(), false, scopes);
    draft.replace(&RECORDS, kept.as_ref(), &record);
    reachability::apply::follow(draft, live, &record)?;
    home::bring_home(draft, ImportKind::Record, handle)?;
    Ok(Reply::Done(record.revision))
}

/// Whether the same document is there already, for the same eyes. Whoever brings it again, it is worth what it was.
fn is_settled(
    draft: &Draft<'_>,
    kept: &RecordEntry,
    record: &mut RecordEntry,
    vouched: bool,
) -> Step<bool> {
    if !same_version(kept, record) {
        return Ok(false);
    }
    record.assurance = record.assurance.max(kept.assurance);
    let by = record.owner.as_ref().filter(|_| vouched);
    let import = (ImportKind::Record, &kept.handle);
    let comes_home = home::comes_home(draft, import, kept.owner.as_ref(), by)?;
    let same = (kept.visibility, kept.assurance) == (record.visibility, record.assurance);
    Ok(same && !comes_home)
}

/// Refuses a version that its writer's condition, its time or its key speaks against.
fn check_offer(
    draft: &Draft<'_>,
    command: &PutRecord,
    kept: Option<&RecordEntry>,
    offered: &RecordEntry,
) -> Step<()> {
    check_if_match(kept, command.if_match)?;
    bound::near("updatedAt", command.updated_at, draft.now(), AHEAD_MS_MAX)?;
    owner::check_key(draft, command.owner.as_ref(), KeyUse::Signing)?;
    kept.map_or(Ok(()), |kept| check_succession(draft, kept, offered, command.vouched))
}

/// Only its owner replaces a live record, and only by a newer one, or by the same for other eyes. Who
/// is known by a credential may correct a live one without a newer time, as at a Pilox registry;
/// others could swap what its proof does not cover.
fn check_succession(
    draft: &Draft<'_>,
    kept: &RecordEntry,
    offered: &RecordEntry,
    vouched: bool,
) -> Step<()> {
    let named = ("record", kept.handle.as_str());
    let live_owner = kept.owner.as_ref().filter(|_| kept.digest.is_some());
    let import = (ImportKind::Record, &kept.handle);
    // Anybody may bring what an owner has signed once; only its own hand brings the entry home.
    let by = offered.owner.as_ref().filter(|_| vouched);
    let imported = home::check_local(draft, import, live_owner, by)?;
    owner::check_authority(draft, named, live_owner, offered.owner.as_ref())?;
    // The time of another registry's version binds nobody here.
    let newer = offered.updated_at > kept.updated_at || corrects(kept, offered, vouched);
    if imported || newer || same_version(kept, offered) || is_unknown(draft, kept, offered)? {
        return Ok(());
    }
    let (handle, stored_ms) = (kept.handle.clone(), kept.updated_at.0);
    Err(Refusal::StaleUpdatedAt { handle, stored_ms }.into())
}

/// A proof covers some members of a record only, so of two bodies of one time the first stands: but for one that a
/// credential vouches for and that is worth no less, and for the owner's own word in the place of what anybody has
/// brought with the same proof.
fn corrects(kept: &RecordEntry, offered: &RecordEntry, vouched: bool) -> bool {
    let owned = kept.owner.is_some() && kept.owner == offered.owner;
    let better = match vouched {
        true => offered.assurance >= kept.assurance,
        false => owned && offered.assurance > kept.assurance,
    };
    better && kept.digest.is_some() && offered.updated_at == kept.updated_at
}

/// A tombstone of what its signer could never see: it must answer like a handle that was never used. Nobody but the owner
/// can bring the old version back, and for the owner the tombstone counts.
fn is_unknown(draft: &Draft<'_>, kept: &RecordEntry, offered: &RecordEntry) -> Step<bool> {
    let Some(signer) = offered.owner.as_ref().filter(|_| kept.digest.is_none()) else {
        return Ok(false);
    };
    Ok(!namespace::query::viewer(draft.view(), signer)?.sees(&kept.scope()))
}

/// The same document again, perhaps for other eyes.
fn same_version(kept: &RecordEntry, offered: &RecordEntry) -> bool {
    (kept.digest, kept.updated_at) == (offered.digest, offered.updated_at)
}

fn record_of(command: &PutRecord) -> RecordEntry {
    RecordEntry {
        handle: command.handle.clone(),
        digest: Some(command.digest),
        updated_at: command.updated_at,
        valid_until: command.valid_until,
        ttl_s: command.ttl_s,
        agent_card_url: command.agent_card_url.clone(),
        assurance: command.assurance,
        owner: command.owner.as_ref().map(|(origin, _)| origin.clone()),
        visibility: Default::default(),
        namespace: Default::default(),
        bytes: 0,
        revision: Default::default(),
    }
}

pub(crate) fn delete(draft: &mut Draft<'_>, command: &DeleteRecord) -> Outcome {
    let (handle, by) = (&command.handle, command.by.as_ref());
    let kept = draft.existing(&RECORDS, handle.as_str())?;
    check_if_match(Some(&kept), command.if_match)?;
    if kept.digest.is_none() {
        let (kind, id) = ("record".to_owned(), handle.to_string());
        return Err(Refusal::NotFound { kind, id }.into());
    }
    if by.is_some() {
        home::check_local(draft, (ImportKind::Record, handle), kept.owner.as_ref(), by)?;
    }
    let namespace = NamespaceContext::of(draft, handle)?;
    namespace.account(draft, Some(kept.usage()), Usage::default())?;
    let scopes = (Some(kept.scope()), None);
    let revision = draft.note_in(ChangeKind::Record, handle.as_str(), true, scopes);
    // Only a version made after the deletion brings the record back.
    let updated_at = kept.updated_at.max(draft.now());
    let tombstone = RecordEntry { digest: None, updated_at, revision, ..kept.clone() };
    draft.replace(&RECORDS, Some(&kept), &tombstone);
    reachability::apply::forget(draft, &Subject::Record(handle.clone()))?;
    home::bring_home(draft, ImportKind::Record, handle)?;
    Ok(Reply::Done(revision))
}

fn check_if_match(kept: Option<&RecordEntry>, if_match: Option<Digest>) -> Result<(), Refusal> {
    let stored = kept.and_then(|kept| kept.digest);
    match if_match {
        Some(_) if if_match != stored => Err(Refusal::PreconditionFailed { stored }),
        _ => Ok(()),
    }
}

/// Takes over a record of another registry.
pub(crate) fn take_over(
    draft: &mut Draft<'_>,
    namespace: &NamespaceContext,
    import: &Import,
    entry: &ImportedRecord,
) -> Step<Revision> {
    let mut record = imported(import, entry);
    record.bytes = draft.require_body(&entry.digest)?;
    bound::text("agentCardUrl", &record.agent_card_url, URL_BYTES_MAX)?;
    let kept = draft.entry(&RECORDS, record.handle.as_str())?;
    record.namespace = namespace.name.clone();
    let had = kept.as_ref().map(|kept| kept.assurance);
    namespace.check_trust(("record", &record.handle), had, record.assurance)?;
    namespace.account(draft, kept.as_ref().map(RecordEntry::usage), record.usage())?;
    let scopes = (kept.as_ref().map(Scoped::scope), Some(record.scope()));
    record.revision = draft.note_in(ChangeKind::Record, record.handle.as_str(), false, scopes);
    draft.replace(&RECORDS, kept.as_ref(), &record);
    reachability::apply::follow(draft, kept.as_ref(), &record)?;
    Ok(record.revision)
}

fn imported(import: &Import, entry: &ImportedRecord) -> RecordEntry {
    RecordEntry {
        handle: import.handle.clone(),
        digest: Some(entry.digest),
        updated_at: entry.updated_at,
        valid_until: entry.valid_until,
        ttl_s: entry.ttl_s,
        agent_card_url: entry.agent_card_url.clone(),
        assurance: entry.assurance,
        owner: entry.owner.as_ref().map(|(origin, _)| origin.clone()),
        visibility: entry.visibility(),
        namespace: Default::default(),
        bytes: 0,
        revision: Default::default(),
    }
}

/// Takes away a record of another registry, without a tombstone.
pub(crate) fn withdraw(draft: &mut Draft<'_>, handle: &Handle) -> Step<Revision> {
    let id = handle.as_str();
    let Some(kept) = draft.entry(&RECORDS, id)? else { return Ok(draft.revision()) };
    let namespace = NamespaceContext::of(draft, handle)?;
    namespace.account(draft, Some(kept.usage()), Usage::default())?;
    let revision = draft.note_in(ChangeKind::Record, id, true, (Some(kept.scope()), None));
    draft.remove(&RECORDS, &kept);
    reachability::apply::forget(draft, &Subject::Record(handle.clone()))?;
    Ok(revision)
}
