//! Why a call has no answer, and what our caller is told of it.
//!
//! Decides by the status of the last member that was asked. Must never show a caller the registry's own words.

use proto_types::Code as Known;
use registry_client::{code_of, is_away};
use tonic::{Code, Status};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// No member could be asked, or none knows what became of it.
    #[error("the registry cannot be reached: {0:?}")]
    Away(Code),
    /// The registry will not.
    #[error("the registry refuses: {code:?} {ecumene}")]
    Refused {
        /// The gRPC status.
        code: Code,
        /// The stable code, if one was told.
        ecumene: String,
    },
}

impl From<Status> for Unanswered {
    fn from(status: Status) -> Self {
        let code = status.code();
        match is_away(&status) {
            true => Self::Away(code),
            false => {
                Self::Refused { code, ecumene: code_of(&status).unwrap_or_default().to_owned() }
            }
        }
    }
}

impl Unanswered {
    /// What our caller is told, where the call itself could not be at fault.
    pub(crate) fn failure(&self) -> gateway_core::Failure {
        use gateway_core::Failure;
        match self {
            Self::Away(_) => Failure::RegistryAway,
            Self::Refused { ecumene, .. } if ecumene == Known::ShareReached.as_str() => {
                Failure::ShareReached
            }
            Self::Refused { code: Code::ResourceExhausted, .. } => Failure::Overloaded,
            Self::Refused { .. } => Failure::Internal,
        }
    }
}
