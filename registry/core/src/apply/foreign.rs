//! The map from wishes about other places to decisions.
//! It decides nothing itself.

use crate::command::Foreign;

use super::draft::{Draft, Outcome};
use super::{import, liveness, partner, pulls};

pub(super) fn decide(draft: &mut Draft<'_>, wish: &Foreign) -> Outcome {
    match wish {
        Foreign::SetLiveness { subject, class, prober, why } => {
            liveness::set(draft, subject, *class, (*prober, why))
        }
        Foreign::PutPartner { name, terms } => partner::put(draft, name, terms),
        Foreign::AdvancePartner { .. } => partner::advance(draft, wish),
        Foreign::QuarantinePartner { name, reason } => partner::quarantine(draft, name, reason),
        Foreign::RemovePartner { name } => partner::remove(draft, name),
        Foreign::Import(import) => import::take(draft, import),
        Foreign::SetPartnerEpoch { name, epoch, checkpoint } => {
            partner::set_epoch(draft, name, *epoch, checkpoint.as_deref())
        }
        Foreign::HoldPartner { name, entries } => pulls::hold(draft, name, *entries),
        Foreign::ReleasePartner { name } => pulls::release(draft, name),
        Foreign::FailPartner { name, reason, pulls } => pulls::fail(draft, name, reason, *pulls),
    }
}
