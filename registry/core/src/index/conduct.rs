//! The derived keys of evidence: when it has faded to nothing.
//! It must never hold what the entity does not.

use proto_types::WallMs;

use super::{Keys, until};
use crate::entry::EvidenceEntry;
use crate::layout::{self, derived};
use crate::table::Entity as _;

/// Evidence fades by whole days at least.
const DAY_MS: u64 = 86_400_000;

pub(crate) fn of_evidence(entry: &EvidenceEntry) -> Keys {
    let days = entry.evidence.days_to_nothing();
    let void = entry.window.ends_at().plus_ms(days * DAY_MS);
    let id = entry.key().into_bytes();
    vec![(layout::key(derived::EVIDENCE_BY_VOID, &[&void.0.to_be_bytes(), &id]), id)]
}

/// The evidence that is nothing at `now`, and later: from, to.
pub(crate) fn evidence_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::EVIDENCE_BY_VOID, now)
}
