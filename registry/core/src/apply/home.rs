//! Whose home a handle has, and how an entry of another registry goes.
//! Decides when a handle comes home or is set free; must never let a local write take what is at
//! home elsewhere.

use proto_types::{Handle, Origin, Revision};

use crate::change::Refusal;
use crate::entry::{ChangeKind, ImportKind, PartnerEntry, ProvenanceEntry, Scoped, Subject, Usage};
use crate::index;
use crate::layout;
use crate::table::{CARDS, PARTNERS, PROVENANCE, RECORDS};

use super::draft::{Draft, Stop};
use super::liveness;
use super::tenancy::{self, Home};

/// Entries of a removed partner that one command forgets: a few milliseconds of work.
const STEP_MAX: usize = 128;

/// Keeps the number of a partner's live entries true.
pub(super) fn count(draft: &mut Draft<'_>, of: &ProvenanceEntry, by: i64) -> Result<(), Stop> {
    let Some(kept) = draft.entry(&PARTNERS, of.partner.as_str())? else { return Ok(()) };
    let imported = kept.imported.saturating_add_signed(by);
    let counted = PartnerEntry { imported, ..kept.clone() };
    draft.replace(&PARTNERS, Some(&kept), &counted);
    Ok(())
}

/// A local write or deletion of this handle: refused where another registry is its authority,
/// unless the entry is the caller's own in both. Nobody asks for a deletion by an operator.
pub(super) fn check_local(
    draft: &Draft<'_>,
    (kind, handle): (ImportKind, &Handle),
    kept_owner: Option<&Origin>,
    by: Option<&Origin>,
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

/// Whether what is kept is another registry's still, and the same peer's word in both: then its own hand brings it home,
/// unchanged as it is.
pub(super) fn comes_home(
    draft: &Draft<'_>,
    (kind, handle): (ImportKind, &Handle),
    kept_owner: Option<&Origin>,
    by: Option<&Origin>,
) -> Result<bool, Stop> {
    let kept = draft.entry(&PROVENANCE, &ProvenanceEntry::key_of(kind, handle))?;
    let is_live = kept.is_some_and(|kept| kept.digest.is_some());
    Ok(is_live && by.is_some() && by == kept_owner)
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

/// Takes the entry itself away; what is left is that its home had it.
pub(super) fn withdraw(
    draft: &mut Draft<'_>,
    kind: ImportKind,
    handle: &Handle,
) -> Result<Revision, Stop> {
    match kind {
        ImportKind::Record => withdraw_record(draft, handle),
        ImportKind::Card => withdraw_card(draft, handle),
    }
}

fn withdraw_record(draft: &mut Draft<'_>, handle: &Handle) -> Result<Revision, Stop> {
    let id = handle.as_str();
    let Some(kept) = draft.entry(&RECORDS, id)? else { return Ok(draft.revision()) };
    let home = Home::of(draft, handle)?;
    home.account(draft, Some(tenancy::of_record(&kept)), Usage::default())?;
    let revision = draft.note_in(ChangeKind::Record, id, true, (Some(kept.scope()), None));
    draft.remove(&RECORDS, &kept);
    liveness::forget(draft, &Subject::Record(handle.clone()))?;
    Ok(revision)
}

fn withdraw_card(draft: &mut Draft<'_>, handle: &Handle) -> Result<Revision, Stop> {
    let id = handle.as_str();
    let Some(kept) = draft.entry(&CARDS, id)? else { return Ok(draft.revision()) };
    let home = Home::of(draft, handle)?;
    home.account(draft, Some(tenancy::of_card(&kept)), Usage::default())?;
    let revision = draft.note_in(ChangeKind::Card, id, true, (Some(kept.scope()), None));
    draft.remove(&CARDS, &kept);
    Ok(revision)
}
