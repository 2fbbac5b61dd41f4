//! Why a call has no answer, and what our caller is told of it.
//!
//! Decides by the status of the last member that was asked. Must never show a caller the registry's own words.

use proto_types::Code as Known;
use registry_client::{Failed, code_of};
use tonic::{Code, Status};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// No member could be asked, or none knows what became of it.
    #[error("the registry cannot be reached: {code:?}")]
    Away {
        /// The gRPC status of the last attempt.
        code: Code,
        /// Whether any attempt may have been carried out unheard.
        in_doubt: bool,
    },
    /// The registry will not.
    #[error("the registry refuses: {code:?} {ecumene}")]
    Refused {
        /// The gRPC status.
        code: Code,
        /// The stable code, if one was told.
        ecumene: String,
        /// Whether an attempt before may have been carried out unheard, so that this may speak of what it did.
        earlier_in_doubt: bool,
    },
}

impl Unanswered {
    /// What no member has answered.
    pub(super) fn away(failed: &Failed) -> Self {
        Self::Away { code: failed.status.code(), in_doubt: failed.in_doubt }
    }

    /// What a member has refused.
    pub(super) fn refused(status: &Status, earlier_in_doubt: bool) -> Self {
        let (code, ecumene) = (status.code(), code_of(status).unwrap_or_default().to_owned());
        Self::Refused { code, ecumene, earlier_in_doubt }
    }

    /// Whether the registry refuses the token that the call has taken along: it was spent, or is past its time.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self, Self::Refused { ecumene, .. } if ecumene == Known::TokenSpent.as_str())
    }

    /// Whether an attempt may have been carried out unheard, or may still be: a refusal speaks of the last one only.
    pub(crate) fn in_doubt(&self) -> bool {
        match self {
            Self::Away { in_doubt, .. } => *in_doubt,
            Self::Refused { earlier_in_doubt, .. } => *earlier_in_doubt,
        }
    }

    /// What our caller is told, where the call itself could not be at fault.
    pub(crate) fn failure(&self) -> gateway_core::Failure {
        use gateway_core::Failure;
        match self {
            Self::Away { .. } => Failure::RegistryAway,
            Self::Refused { ecumene, .. } if ecumene == Known::ShareReached.as_str() => {
                Failure::ShareReached
            }
            Self::Refused { code: Code::ResourceExhausted, .. } => Failure::Overloaded,
            Self::Refused { .. } => Failure::Internal,
        }
    }
}
