//! How entries of another registry go: one that its home has withdrawn, or all that a partner gave.
//! Decides how many go with one command; must never take an entry away that has no provenance.

use proto_types::{Handle, Revision};

use crate::card;
use crate::draft::{Draft, Stop};
use crate::index;
use crate::layout;
use crate::partner::entry::PartnerEntry;
use crate::record;

use super::entry::ImportKind;
use super::home::bring_home;
use super::table::{self, PROVENANCE};

/// Entries of a removed partner that one command forgets: a few milliseconds of work.
const STEP_MAX: usize = 128;

/// Forgets some entries of a partner; true if none is left.
pub(crate) fn drop_some(draft: &mut Draft<'_>, partner: &PartnerEntry) -> Result<bool, Stop> {
    let first = table::imports_of(&partner.name);
    let keys = index::ids(draft.view(), (&first, &layout::past(&first)), STEP_MAX)?;
    for key in &keys {
        let kept = draft.existing(&PROVENANCE, key)?;
        withdraw(draft, kept.kind, &kept.handle)?;
        bring_home(draft, kept.kind, &kept.handle)?;
    }
    Ok(keys.len() < STEP_MAX)
}

/// Takes the entry itself away; what is left is that its home had it.
pub(crate) fn withdraw(
    draft: &mut Draft<'_>,
    kind: ImportKind,
    handle: &Handle,
) -> Result<Revision, Stop> {
    match kind {
        ImportKind::Record => record::apply::withdraw(draft, handle),
        ImportKind::Card => card::apply::withdraw(draft, handle),
    }
}
