//! Why a pull ended: misbehaviour, which costs the partner the operator's trust, or a failure, which may be the
//! network's, a cache's or a lagging member's. Operators read a reason, so it never quotes the far side.

use deploy_service::telemetry;
use proto_types::audit::plain;
use registry_api::Problem;
use registry_fetch::FetchError;

/// Of a reason that is kept: with a few words before it, it is one that the core takes, however its letters are encoded.
const REASON_CHARS_MAX: usize = 240;

/// Why a pull ended.
#[derive(Debug)]
pub(super) enum PullError {
    /// It may go better the next time.
    Failed(String),
    /// The partner said what nothing honest explains.
    Misbehaviour(String),
}

impl PullError {
    pub(super) fn failed(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }

    pub(super) fn misbehaviour(why: &str) -> Self {
        Self::Misbehaviour(why.to_owned())
    }
}

/// Words that may be kept and shown: a problem's are ours, and may quote a name.
pub(super) fn reason(why: &str) -> String {
    plain(why).chars().take(REASON_CHARS_MAX).collect()
}

impl From<FetchError> for PullError {
    fn from(error: FetchError) -> Self {
        Self::Failed(reason(&match &error {
            // What is wrong with a certificate is said in its own words: all the names that it has.
            FetchError::Tls(_) => error.to_string(),
            other => telemetry::chain(other),
        }))
    }
}

/// Ours: the state cannot be read or written.
impl From<Problem> for PullError {
    fn from(problem: Problem) -> Self {
        Self::Failed(reason(&format!("{}: {}", problem.code(), problem.detail())))
    }
}

impl From<registry_core::view::ViewError> for PullError {
    fn from(error: registry_core::view::ViewError) -> Self {
        Problem::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use registry_api::Code;
    use registry_fetch::resolve::ResolveError;

    use super::*;

    fn said(error: impl Into<PullError>) -> String {
        match error.into() {
            PullError::Failed(why) | PullError::Misbehaviour(why) => why,
        }
    }

    #[test]
    fn a_reason_quotes_no_certificate_and_is_short_enough_to_be_kept() {
        let names = "only for DnsName(\"cdn.example\")".repeat(40);
        assert_eq!(said(FetchError::Tls(io::Error::other(names))), "no TLS with the host");
        let long = "\u{1f310}\n".repeat(400);
        let resolver = FetchError::Resolve(ResolveError::Failed(long.clone()));
        for why in [said(resolver), said(Problem::new(Code::Internal, long))] {
            let kept = format!("an entry: {why}");
            assert!(kept.len() <= 1_024 && !kept.contains(char::is_control), "{kept}");
        }
    }
}
