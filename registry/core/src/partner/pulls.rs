//! How pulls from a partner go: failures, and withdrawals that are held back because they are too many. Only the operator
//! releases these.

use crate::bound::{self, REASON_BYTES_MAX};
use crate::change::Reply;
use crate::draft::{Draft, Outcome};

use super::apply::require_active;
use super::command::{FailPartner, HoldPartner, ReleasePartner};
use super::entry::{Failing, Held, PartnerEntry};
use super::table::PARTNERS;

/// So many entries are held back. Fewer of them wait no longer; more are held anew, whatever was said of those before.
pub(crate) fn hold(draft: &mut Draft<'_>, command: &HoldPartner) -> Outcome {
    let entries = command.entries;
    let kept = draft.existing(&PARTNERS, command.name.as_str())?;
    require_active(&kept)?;
    let first = Held { entries, since: draft.now(), released: false };
    let before = kept.held.filter(|held| entries <= held.entries);
    let held = (entries > 0).then(|| Held { entries, ..before.unwrap_or(first) });
    keep(draft, &kept, PartnerEntry { held, ..kept.clone() })
}

/// The operator's word.
pub(crate) fn release(draft: &mut Draft<'_>, command: &ReleasePartner) -> Outcome {
    let kept = draft.existing(&PARTNERS, command.name.as_str())?;
    let Some(held) = kept.held else {
        return Err(bound::invalid("partner", "has nothing that is held back").into());
    };
    let held = Some(Held { released: true, ..held });
    keep(draft, &kept, PartnerEntry { held, ..kept.clone() })
}

pub(crate) fn fail(draft: &mut Draft<'_>, command: &FailPartner) -> Outcome {
    let FailPartner { name, reason, pulls } = command;
    bound::text("reason", reason, REASON_BYTES_MAX)?;
    let kept = draft.existing(&PARTNERS, name.as_str())?;
    require_active(&kept)?;
    let at = draft.now();
    if kept.failing.as_ref().is_some_and(|failing| failing.tells(reason, at)) {
        return Ok(Reply::Done(draft.revision()));
    }
    let failing = Some(Failing { reason: reason.clone(), pulls: *pulls, at });
    keep(draft, &kept, PartnerEntry { failing, ..kept.clone() })
}

/// Watchers do not see it, so it has no revision.
fn keep(draft: &mut Draft<'_>, kept: &PartnerEntry, now: PartnerEntry) -> Outcome {
    if *kept != now {
        draft.replace(&PARTNERS, Some(kept), &now);
    }
    Ok(Reply::Done(draft.revision()))
}
