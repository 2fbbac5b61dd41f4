//! The problem for each refusal of the core, exhaustively: a new refusal does not compile without one.

use registry_core::change::Refusal;

use super::{Code, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(code(&refusal), &refusal);
        match refusal {
            Refusal::PreconditionFailed { stored } => {
                problem.with("stored", stored.map(|digest| digest.to_string()))
            }
            Refusal::HomeElsewhere { home, .. } => problem.with("home", home.as_str()),
            Refusal::SequenceNotHigher { kept, .. } => problem.with("kept", kept),
            Refusal::SequenceTooFar { kept, jump_max, .. } => {
                problem.with("kept", kept).with("jump_max", jump_max)
            }
            Refusal::OperationOutOfOrder { epoch, seq, .. } => {
                problem.with("epoch", epoch).with("seq", seq)
            }
            Refusal::RecoveryTooLate { taken_ms, .. } => problem.with("taken_ms", taken_ms),
            Refusal::PeerNotActive { status, .. } => problem.with("peer_status", status),
            Refusal::TooFarAhead { what, ahead_ms_max, .. } => {
                problem.with("member", what).with("ahead_ms_max", ahead_ms_max)
            }
            Refusal::StaleEpoch { current, .. } => problem.with("current", current.0),
            Refusal::Full { what, bound, .. } => problem.with("what", what).with("bound", bound),
            Refusal::Invalid { what, .. } => problem.with("member", what),
            Refusal::WindowTooOld { age_ms_max, .. } => problem.with("age_ms_max", age_ms_max),
            Refusal::TrustTooLow { least, .. } => problem.with("least", least.as_str()),
            _ => problem,
        }
    }
}

fn code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NotFound { .. } => Code::NotFound,
        Refusal::Conflict { .. } | Refusal::InUse { .. } => Code::Conflict,
        Refusal::StaleUpdatedAt { .. } => Code::StaleUpdatedAt,
        Refusal::PreconditionFailed { .. } => Code::PreconditionFailed,
        Refusal::NotOwner { .. } => Code::NotOwner,
        Refusal::HomeElsewhere { .. } => Code::HomeElsewhere,
        Refusal::SequenceNotHigher { .. } => Code::SequenceNotHigher,
        Refusal::SequenceTooFar { .. } => Code::SequenceTooFar,
        Refusal::OperationOutOfOrder { .. } => Code::OperationOutOfOrder,
        Refusal::RecoveryTooLate { .. } => Code::RecoveryTooLate,
        Refusal::PeerNotActive { .. } => Code::PeerNotActive,
        Refusal::Expired { .. } => Code::DocumentExpired,
        Refusal::WindowTooOld { .. } => Code::WindowTooOld,
        Refusal::KeyNotEnrolled { .. } => Code::KeyNotEnrolled,
        Refusal::TrustTooLow { .. } => Code::TrustTooLow,
        Refusal::OperatorOnly { .. } => Code::PermissionDenied,
        Refusal::TokenSpent => Code::Unauthenticated,
        Refusal::JoinTokenInvalid => Code::JoinTokenInvalid,
        Refusal::TooFarAhead { .. } => Code::TooFarAhead,
        Refusal::StaleEpoch { .. } => Code::StaleEpoch,
        Refusal::TaskEnded(_) => Code::TaskEnded,
        Refusal::NotLeased(_) => Code::NotLeased,
        Refusal::Full { share: true, .. } => Code::ShareReached,
        Refusal::Full { share: false, .. } => Code::BoundReached,
        Refusal::Invalid { .. } => Code::InvalidArgument,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_callers_share_is_told_apart_from_a_bound_of_all() {
        for (share, code) in [(true, Code::ShareReached), (false, Code::BoundReached)] {
            let what = "open tasks".to_owned();
            let problem = Problem::from(Refusal::Full { what, bound: 7, share });
            assert_eq!((problem.code(), problem.status()), (code, 429));
            assert_eq!(problem.extra("bound").and_then(Value::as_u64), Some(7));
        }
    }
}
