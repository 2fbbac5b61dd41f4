//! How a pull can end badly.
//!
//! It decides what is a lie, which costs the partner the operator's trust, and what is a failure, which
//! may be the network's, a cache's, or that of a member that lags behind the others of its registry. A
//! reason must never quote the far side: it is shown to operators.

use deploy_service::telemetry;
use registry_api::Problem;
use registry_fetch::FetchError;

/// Why a pull ended.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go better the next time.
    Failed(String),
    /// The partner said what nothing honest explains.
    Lie(String),
}

impl Trouble {
    pub(super) fn failed(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }

    pub(super) fn lie(why: &str) -> Self {
        Self::Lie(why.to_owned())
    }
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self::Failed(telemetry::chain(&error))
    }
}

/// Ours: the state cannot be read or written.
impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Failed(format!("{}: {}", problem.code(), problem.detail()))
    }
}

impl From<registry_core::view::ViewError> for Trouble {
    fn from(error: registry_core::view::ViewError) -> Self {
        Problem::from(error).into()
    }
}
