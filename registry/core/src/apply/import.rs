//! Entries of other registries.
//! Decides by home and its revision whether an entry is taken over; must never let a partner touch
//! an entry of our own, of another home, or of a home that another partner speaks for.

use proto_types::Handle;

use crate::change::{Refusal, Reply};
use crate::command::{Import, ImportedRecord};
use crate::entry::{
    CardEntry, ChangeKind, ImportKind, PartnerEntry, ProvenanceEntry, RecordEntry, Scope, Scoped,
    Subject, Visibility,
};
use crate::index;
use crate::layout;
use crate::table::{CARDS, PARTNERS, PROVENANCE, RECORDS};

use super::bound::{self, URL_BYTES_MAX};
use super::draft::{Draft, Outcome, Stop};
use super::{liveness, owner, partner};

/// Entries of a removed partner that one command forgets: a few milliseconds of work.
const STEP_MAX: usize = 128;

pub(super) fn take(draft: &mut Draft<'_>, import: &Import) -> Outcome {
    let giver = draft.existing(&PARTNERS, import.partner.as_str())?;
    partner::require_active(&giver)?;
    check_way(&giver, import)?;
    let key = ProvenanceEntry::key_of(import.kind, &import.handle);
    let kept = draft.entry(&PROVENANCE, &key)?;
    if let Some(kept) = &kept {
        if is_known(kept, import) {
            return agree_anew(draft, &giver, kept, import);
        }
        check_authority(kept, import)?;
    } else if is_ours(draft, import)? {
        return Err(bound::conflict(import.kind.as_str(), import.handle.as_str()).into());
    }
    let had = kept.as_ref().is_some_and(|kept| kept.digest.is_some());
    if kept.is_none() && import.entry.is_none() {
        return Ok(Reply::Done(draft.revision()));
    }
    check_quota(&giver, had && kept.as_ref().is_some_and(|kept| kept.partner == giver.name))?;
    let revision = match &import.entry {
        Some(entry) => {
            owner::check_key(draft, entry.owner.as_ref())?;
            store(draft, import, entry)?
        }
        None => withdraw(draft, import.kind, &import.handle)?,
    };
    keep_provenance(draft, kept.as_ref(), import, revision)?;
    Ok(Reply::Done(revision))
}

/// Between its home and us, and behind us, are no more registries than both sides agreed to.
fn check_way(giver: &PartnerEntry, import: &Import) -> Result<(), Refusal> {
    bound::number("hops", import.hops.into(), (1, giver.terms.hops.into()))?;
    if import.hops == 1 && import.home != giver.terms.url {
        return Err(bound::invalid("home", "is not the partner, and no other registry between"));
    }
    Ok(())
}

/// The same version again: perhaps under other terms, which those who take it from us must hear.
fn agree_anew(
    draft: &mut Draft<'_>,
    giver: &PartnerEntry,
    kept: &ProvenanceEntry,
    import: &Import,
) -> Outcome {
    let hops_max = giver.terms.hops.min(import.hops_max);
    let same = kept.hops_max == hops_max || kept.partner != giver.name || kept.digest.is_none();
    if same {
        return Ok(Reply::Done(kept.revision));
    }
    let handle = kept.handle.as_str();
    let (kind, scope) = match kept.kind {
        ImportKind::Record => (ChangeKind::Record, draft.existing(&RECORDS, handle)?.scope()),
        ImportKind::Card => (ChangeKind::Card, draft.existing(&CARDS, handle)?.scope()),
    };
    let revision = draft.note_in(kind, handle, false, (Some(scope.clone()), Some(scope)));
    let agreed = ProvenanceEntry { hops_max, revision, ..kept.clone() };
    draft.replace(&PROVENANCE, Some(kept), &agreed);
    Ok(Reply::Done(revision))
}

fn is_known(kept: &ProvenanceEntry, import: &Import) -> bool {
    let digest = import.entry.as_ref().map(|entry| entry.digest);
    kept.home == import.home && kept.home_revision == import.home_revision && kept.digest == digest
}

fn check_authority(kept: &ProvenanceEntry, import: &Import) -> Result<(), Refusal> {
    // The home itself speaks louder than whoever passes its word on.
    let direct = import.hops == 1 && kept.hops > 1;
    if kept.home != import.home || (kept.partner != import.partner && !direct) {
        return Err(bound::conflict(import.kind.as_str(), import.handle.as_str()));
    }
    if import.home_revision <= kept.home_revision && !direct {
        let (issuer, kept) = (kept.home.clone(), kept.home_revision);
        let offered = import.home_revision;
        return Err(Refusal::SequenceNotHigher { issuer, kept, offered });
    }
    Ok(())
}

/// An entry without provenance is our own, and so is its tombstone.
fn is_ours(draft: &Draft<'_>, import: &Import) -> Result<bool, Stop> {
    let handle = import.handle.as_str();
    Ok(match import.kind {
        ImportKind::Record => draft.entry(&RECORDS, handle)?.is_some(),
        ImportKind::Card => draft.entry(&CARDS, handle)?.is_some(),
    })
}

fn check_quota(giver: &PartnerEntry, counted: bool) -> Result<(), Refusal> {
    let quota = giver.terms.quota;
    match counted || giver.imported < quota {
        true => Ok(()),
        false => Err(bound::full(&format!("entries of partner {}", giver.name), quota)),
    }
}

fn store(
    draft: &mut Draft<'_>,
    import: &Import,
    entry: &ImportedRecord,
) -> Result<proto_types::Revision, Stop> {
    let handle = import.handle.as_str();
    match import.kind {
        ImportKind::Record => {
            bound::text("agentCardUrl", &entry.agent_card_url, URL_BYTES_MAX)?;
            let kept = draft.entry(&RECORDS, handle)?;
            let mut record = record_of(import, entry);
            record.bytes = draft.require_body(&entry.digest)?;
            let scopes = (kept.as_ref().map(Scoped::scope), Some(record.scope()));
            record.revision = draft.note_in(ChangeKind::Record, handle, false, scopes);
            draft.replace(&RECORDS, kept.as_ref(), &record);
            Ok(record.revision)
        }
        ImportKind::Card => {
            let kept = draft.entry(&CARDS, handle)?;
            let mut card = card_of(import, entry);
            card.bytes = draft.require_body(&entry.digest)?;
            let scopes = (kept.as_ref().map(Scoped::scope), Some(card.scope()));
            card.revision = draft.note_in(ChangeKind::Card, handle, false, scopes);
            draft.replace(&CARDS, kept.as_ref(), &card);
            Ok(card.revision)
        }
    }
}

fn record_of(import: &Import, entry: &ImportedRecord) -> RecordEntry {
    RecordEntry {
        handle: import.handle.clone(),
        digest: Some(entry.digest),
        updated_at: entry.updated_at,
        valid_until: entry.valid_until,
        ttl_s: entry.ttl_s,
        agent_card_url: entry.agent_card_url.clone(),
        assurance: entry.assurance,
        owner: entry.owner.as_ref().map(|(origin, _)| origin.clone()),
        visibility: visibility(entry),
        namespace: import.partner.clone(),
        bytes: 0,
        revision: Default::default(),
    }
}

fn card_of(import: &Import, entry: &ImportedRecord) -> CardEntry {
    let (owner, kid) = entry.owner.clone().unzip();
    CardEntry {
        handle: import.handle.clone(),
        digest: entry.digest,
        assurance: entry.assurance,
        owner,
        kid,
        visibility: visibility(entry),
        namespace: import.partner.clone(),
        bytes: 0,
        revision: Default::default(),
    }
}

const fn visibility(entry: &ImportedRecord) -> Visibility {
    if entry.public { Visibility::Public } else { Visibility::Federated }
}

/// Takes the entry itself away; what is left is that its home had it.
fn withdraw(
    draft: &mut Draft<'_>,
    kind: ImportKind,
    handle: &Handle,
) -> Result<proto_types::Revision, Stop> {
    let gone = |draft: &mut Draft<'_>, kind, scope: Scope| {
        draft.note_in(kind, handle.as_str(), true, (Some(scope), None))
    };
    match kind {
        ImportKind::Record => {
            let Some(kept) = draft.entry(&RECORDS, handle.as_str())? else {
                return Ok(draft.revision());
            };
            draft.remove(&RECORDS, &kept);
            liveness::forget(draft, &Subject::Record(handle.clone()))?;
            Ok(gone(draft, ChangeKind::Record, kept.scope()))
        }
        ImportKind::Card => {
            let Some(kept) = draft.entry(&CARDS, handle.as_str())? else {
                return Ok(draft.revision());
            };
            draft.remove(&CARDS, &kept);
            Ok(gone(draft, ChangeKind::Card, kept.scope()))
        }
    }
}

fn keep_provenance(
    draft: &mut Draft<'_>,
    kept: Option<&ProvenanceEntry>,
    import: &Import,
    revision: proto_types::Revision,
) -> Result<(), Stop> {
    if let Some(kept) = kept.filter(|kept| kept.digest.is_some()) {
        count(draft, kept, -1)?;
    }
    let terms = draft.existing(&PARTNERS, import.partner.as_str())?.terms;
    let provenance = ProvenanceEntry {
        kind: import.kind,
        handle: import.handle.clone(),
        partner: import.partner.clone(),
        home: import.home.clone(),
        home_revision: import.home_revision,
        hops: import.hops,
        hops_max: terms.hops.min(import.hops_max),
        digest: import.entry.as_ref().map(|entry| entry.digest),
        fetched_at: draft.now(),
        revision,
    };
    draft.replace(&PROVENANCE, kept, &provenance);
    if provenance.digest.is_some() {
        count(draft, &provenance, 1)?;
    }
    Ok(())
}

/// Keeps the number of a partner's live entries true.
fn count(draft: &mut Draft<'_>, of: &ProvenanceEntry, by: i64) -> Result<(), Stop> {
    let Some(kept) = draft.entry(&PARTNERS, of.partner.as_str())? else { return Ok(()) };
    let imported = kept.imported.saturating_add_signed(by);
    let counted = PartnerEntry { imported, ..kept.clone() };
    draft.replace(&PARTNERS, Some(&kept), &counted);
    Ok(())
}

/// A local write or deletion of this handle: refused where another registry is its authority,
/// unless the entry is the caller's own in both. `by` is its owner; `None` deletes for an operator.
pub(super) fn check_local(
    draft: &Draft<'_>,
    (kind, handle): (ImportKind, &Handle),
    kept_owner: Option<&proto_types::Origin>,
    by: Option<&proto_types::Origin>,
) -> Result<bool, Stop> {
    let key = ProvenanceEntry::key_of(kind, handle);
    let live = draft.entry(&PROVENANCE, &key)?.filter(|kept| kept.digest.is_some());
    let Some(live) = live else { return Ok(false) };
    match kept_owner.is_some() && kept_owner == by {
        true => Ok(true),
        false => Err(Refusal::HomeElsewhere {
            kind: kind.as_str().to_owned(),
            id: handle.to_string(),
            home: live.home,
        }
        .into()),
    }
}

/// From now on this registry is the handle's home.
pub(super) fn bring_home(
    draft: &mut Draft<'_>,
    kind: ImportKind,
    handle: &Handle,
) -> Result<(), Stop> {
    let Some(kept) = draft.entry(&PROVENANCE, &ProvenanceEntry::key_of(kind, handle))? else {
        return Ok(());
    };
    if kept.digest.is_some() {
        count(draft, &kept, -1)?;
    }
    draft.remove(&PROVENANCE, &kept);
    Ok(())
}

/// Forgets some entries of a partner; true if none is left.
pub(super) fn drop_some(draft: &mut Draft<'_>, giver: &PartnerEntry) -> Result<bool, Stop> {
    let first = index::imports_of(&giver.name);
    let keys = index::ids(draft.view(), (&first, &layout::past(&first)), STEP_MAX)?;
    for key in &keys {
        let kept = draft.existing(&PROVENANCE, key)?;
        withdraw(draft, kept.kind, &kept.handle)?;
        bring_home(draft, kept.kind, &kept.handle)?;
    }
    Ok(keys.len() < STEP_MAX)
}
