//! The map from wishes about other places to decisions.
//! It decides nothing itself.

use crate::command::Foreign;

use super::draft::{Draft, Outcome};
use super::{import, liveness, partner, pulls};

pub(super) fn decide(draft: &mut Draft<'_>, wish: &Foreign) -> Outcome {
    match wish {
        Foreign::SetLiveness(wish) => liveness::set(draft, wish),
        Foreign::PutPartner(wish) => partner::put(draft, wish),
        Foreign::AdvancePartner(wish) => partner::advance(draft, wish),
        Foreign::QuarantinePartner(wish) => partner::quarantine(draft, wish),
        Foreign::RemovePartner(wish) => partner::remove(draft, wish),
        Foreign::Import(import) => import::take(draft, import),
        Foreign::SetPartnerEpoch(wish) => partner::set_epoch(draft, wish),
        Foreign::HoldPartner(wish) => pulls::hold(draft, wish),
        Foreign::ReleasePartner(wish) => pulls::release(draft, wish),
        Foreign::FailPartner(wish) => pulls::fail(draft, wish),
    }
}
