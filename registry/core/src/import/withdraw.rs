//! The removal of entries of another registry: one that its home has withdrawn, or all of a partner, a bounded number
//! with each command. An entry without provenance is never removed.

use proto_types::{Handle, Revision};

use crate::card;
use crate::draft::{Draft, Step};
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
pub(crate) fn drop_some(draft: &mut Draft<'_>, partner: &PartnerEntry) -> Step<bool> {
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
pub(crate) fn withdraw(draft: &mut Draft<'_>, kind: ImportKind, handle: &Handle) -> Step<Revision> {
    match kind {
        ImportKind::Record => record::apply::withdraw(draft, handle),
        ImportKind::Card => card::apply::withdraw(draft, handle),
    }
}
