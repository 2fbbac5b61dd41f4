//! The decision to take over an entry of another registry, by its home and its revision there. A partner never touches an
//! entry of ours, of another home, or of a home that another partner speaks for.

use proto_types::manifest::KeyUse;
use proto_types::{Namespace, Revision};

use crate::bound;
use crate::card;
use crate::card::table::CARDS;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::epoch;
use crate::history::entry::ChangeKind;
use crate::namespace::tenancy::NamespaceContext;
use crate::partner;
use crate::partner::entry::PartnerEntry;
use crate::partner::table::PARTNERS;
use crate::peer::owner;
use crate::record;
use crate::record::table::RECORDS;
use crate::visibility::Scoped as _;

use super::command::{Import, ImportedRecord};
use super::entry::{ImportKind, ProvenanceEntry};
use super::home::count;
use super::table::PROVENANCE;
use super::withdraw::withdraw;

pub(crate) fn take(draft: &mut Draft<'_>, import: &Import) -> Outcome {
    let partner = draft.existing(&PARTNERS, import.partner.as_str())?;
    partner::apply::require_active(&partner)?;
    check_way(&partner, import)?;
    let key = ProvenanceEntry::key_of(import.kind, &import.handle);
    let kept = draft.entry(&PROVENANCE, &key)?;
    check_version(kept.as_ref(), import)?;
    if let Some(kept) = &kept {
        if is_known(kept, import) {
            return agree_anew(draft, &partner, kept, import);
        }
        check_authority(kept, import)?;
    } else if is_ours(draft, import)? {
        return Err(bound::conflict(import.kind.as_str(), import.handle.as_str()).into());
    }
    let had = kept.as_ref().is_some_and(|kept| kept.digest.is_some());
    if kept.is_none() && import.entry.is_none() {
        return Ok(Reply::Done(draft.revision()));
    }
    check_quota(&partner, had && kept.as_ref().is_some_and(|kept| kept.partner == partner.name))?;
    let revision = match &import.entry {
        Some(entry) => store(draft, import, entry)?,
        None => withdraw(draft, import.kind, &import.handle)?,
    };
    keep_provenance(draft, kept.as_ref(), import, revision)?;
    Ok(Reply::Done(revision))
}

/// Between its home and us, and behind us, are no more registries than both sides agreed to.
fn check_way(partner: &PartnerEntry, import: &Import) -> Result<(), Refusal> {
    // What is gone may go, also where the terms have let it in no longer.
    if import.entry.is_some() {
        bound::number("hops", import.hops.into(), (1, partner.terms.hops.into()))?;
    }
    if import.hops == 1 && import.home != partner.terms.url {
        return Err(bound::invalid("home", "is not the partner, and no other registry between"));
    }
    Ok(())
}

/// No version would ever follow one that cannot be.
fn check_version(kept: Option<&ProvenanceEntry>, import: &Import) -> Result<(), Refusal> {
    let is_kept = kept.is_some_and(|kept| version(kept) == offered(import));
    match is_kept || epoch::can_have(import.home_epoch, import.home_revision) {
        true => Ok(()),
        false => Err(bound::invalid("home_revision", "is of no such cluster epoch")),
    }
}

/// The same version again: perhaps under other terms, which those who take it from us must hear.
fn agree_anew(
    draft: &mut Draft<'_>,
    partner: &PartnerEntry,
    kept: &ProvenanceEntry,
    import: &Import,
) -> Outcome {
    let hops_max = partner.terms.hops.min(import.hops_max);
    let same = kept.hops_max == hops_max || kept.partner != partner.name || kept.digest.is_none();
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
    (&kept.home, version(kept), kept.digest) == (&import.home, offered(import), digest)
}

/// What orders the versions of an entry: its home's epochs, and revisions within one.
const fn version(kept: &ProvenanceEntry) -> (u64, u64) {
    (kept.home_epoch, kept.home_revision)
}

const fn offered(import: &Import) -> (u64, u64) {
    (import.home_epoch, import.home_revision)
}

fn check_authority(kept: &ProvenanceEntry, import: &Import) -> Result<(), Refusal> {
    // The home itself speaks louder than whoever passes its word on.
    let direct = import.hops == 1 && kept.hops > 1;
    if kept.home != import.home || (kept.partner != import.partner && !direct) {
        return Err(bound::conflict(import.kind.as_str(), import.handle.as_str()));
    }
    if direct || is_news(kept, import) {
        return Ok(());
    }
    let (issuer, kept) = (kept.home.clone(), kept.home_revision);
    Err(Refusal::SequenceNotHigher { issuer, kept, offered: import.home_revision })
}

/// A later version; or the same one that is gone, or is there again: a list that does not have an entry is no version
/// of it, so that one that has it undoes the withdrawal.
fn is_news(kept: &ProvenanceEntry, import: &Import) -> bool {
    let (had, has) = (kept.digest.is_some(), import.entry.is_some());
    offered(import) > version(kept) || (offered(import) == version(kept) && had != has)
}

/// An entry without provenance is our own, and so is its tombstone.
fn is_ours(draft: &Draft<'_>, import: &Import) -> Step<bool> {
    let handle = import.handle.as_str();
    Ok(match import.kind {
        ImportKind::Record => draft.entry(&RECORDS, handle)?.is_some(),
        ImportKind::Card => draft.entry(&CARDS, handle)?.is_some(),
    })
}

fn check_quota(partner: &PartnerEntry, counted: bool) -> Result<(), Refusal> {
    let quota = partner.terms.quota;
    match counted || partner.imported < quota {
        true => Ok(()),
        false => Err(bound::full(&format!("entries of partner {}", partner.name), quota)),
    }
}

fn store(draft: &mut Draft<'_>, import: &Import, entry: &ImportedRecord) -> Step<Revision> {
    let usage = match import.kind {
        ImportKind::Record => KeyUse::Signing,
        ImportKind::Card => KeyUse::Card,
    };
    owner::check_key(draft, entry.owner.as_ref(), usage)?;
    let namespace = NamespaceContext::of(draft, &import.handle)?;
    check_place(&namespace, import)?;
    match import.kind {
        ImportKind::Record => record::apply::take_over(draft, &namespace, import, entry),
        ImportKind::Card => card::apply::take_over(draft, &namespace, import, entry),
    }
}

/// Handles that a namespace claims are for those whom it admits: a partner gets into none but the one
/// that the operator has named after it.
fn check_place(namespace: &NamespaceContext, import: &Import) -> Result<(), Refusal> {
    match namespace.name == Namespace::default() || namespace.name == import.partner {
        true => Ok(()),
        false => Err(bound::conflict(import.kind.as_str(), import.handle.as_str())),
    }
}

fn keep_provenance(
    draft: &mut Draft<'_>,
    kept: Option<&ProvenanceEntry>,
    import: &Import,
    revision: Revision,
) -> Step<()> {
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
        home_epoch: import.home_epoch,
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
