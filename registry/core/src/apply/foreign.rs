//! The map from wishes about other places to decisions.
//! It decides nothing itself.

use crate::command::Foreign;

use super::draft::{Draft, Outcome};
use super::{import, liveness, partner};

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
    }
}
