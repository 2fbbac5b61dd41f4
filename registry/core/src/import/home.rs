//! The home of a handle: the decision when it becomes ours, and when it is free. A local write never takes a handle whose
//! home is another registry.

use proto_types::{Handle, Origin};

use crate::change::Refusal;
use crate::draft::{Draft, Step};
use crate::partner::entry::PartnerEntry;
use crate::partner::table::PARTNERS;

use super::entry::{ImportKind, ProvenanceEntry};
use super::table::PROVENANCE;

/// Keeps the number of a partner's live entries true.
pub(crate) fn count(draft: &mut Draft<'_>, of: &ProvenanceEntry, by: i64) -> Step<()> {
    let Some(kept) = draft.entry(&PARTNERS, of.partner.as_str())? else { return Ok(()) };
    let imported = kept.imported.saturating_add_signed(by);
    let counted = PartnerEntry { imported, ..kept.clone() };
    draft.replace(&PARTNERS, Some(&kept), &counted);
    Ok(())
}

/// A local write or deletion of this handle: refused where another registry is its authority,
/// unless the entry is the caller's own in both. Nobody asks for a deletion by an operator.
pub(crate) fn check_local(
    draft: &Draft<'_>,
    (kind, handle): (ImportKind, &Handle),
    kept_owner: Option<&Origin>,
    by: Option<&Origin>,
) -> Step<bool> {
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
pub(crate) fn comes_home(
    draft: &Draft<'_>,
    (kind, handle): (ImportKind, &Handle),
    kept_owner: Option<&Origin>,
    by: Option<&Origin>,
) -> Step<bool> {
    let kept = draft.entry(&PROVENANCE, &ProvenanceEntry::key_of(kind, handle))?;
    let is_live = kept.is_some_and(|kept| kept.digest.is_some());
    Ok(is_live && by.is_some() && by == kept_owner)
}

/// From now on this registry is the handle's home.
pub(crate) fn bring_home(draft: &mut Draft<'_>, kind: ImportKind, handle: &Handle) -> Step<()> {
    let Some(kept) = draft.entry(&PROVENANCE, &ProvenanceEntry::key_of(kind, handle))? else {
        return Ok(());
    };
    if kept.digest.is_some() {
        count(draft, &kept, -1)?;
    }
    draft.remove(&PROVENANCE, &kept);
    Ok(())
}
