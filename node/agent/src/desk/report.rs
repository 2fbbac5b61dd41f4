//! Telling the registry an outcome until it has decided.
//! It decides what an answer means: committed, void, unacceptable, or not decided yet. It must never take a failure to
//! decide for a refusal, nor one refusal for another: a task would wait for its deadline, or lose its outcome.

use std::time::Duration;

use node_core::{Event, ReportRefusal};
use proto_wire::registry::v1 as wire;
use tonic::{Code, Status};

use crate::registry::Registry;

use super::held::News;

/// Between attempts to report; an election takes about two seconds.
const REPORT_RETRY: Duration = Duration::from_millis(300);

/// Tells the registry until it has committed or refused. The task's core ends the wait when a newer epoch is seen.
pub(crate) async fn commit(registry: &Registry, request: wire::CompleteTaskRequest) -> News {
    loop {
        let Err(status) = registry.complete(request.clone()).await else { return News::Committed };
        match refusal(&status) {
            Some(refusal) => {
                tracing::info!(task = %request.id, %status, ?refusal, "the outcome is refused");
                return News::Event(Event::ReportRefused(refusal));
            }
            None => {
                tracing::debug!(task = %request.id, %status, "the outcome is not committed yet");
                tokio::time::sleep(REPORT_RETRY).await;
            }
        }
    }
}

/// Why the registry will not have the outcome; `None` if it has not decided: it is away, in doubt, busy, or does not
/// accept this node just now.
fn refusal(status: &Status) -> Option<ReportRefusal> {
    let code = status.metadata().get("ecumene-code").and_then(|code| code.to_str().ok());
    match (code, status.code()) {
        (Some("not-leader" | "no-leader" | "overloaded" | "rate-limited" | "too-many-streams"), _) => None,
        (Some("body-too-large" | "bound-reached"), _)
        // A message that is too long for the listener is refused before any of our code sees it.
        | (_, Code::InvalidArgument | Code::OutOfRange) => {
            Some(ReportRefusal::Unacceptable { why: status.message().to_owned() })
        }
        (_, Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists | Code::Aborted) => {
            Some(ReportRefusal::Superseded)
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn told(code: Code, ecumene: &str) -> Option<&'static str> {
        let mut status = Status::new(code, "why");
        if !ecumene.is_empty() {
            status.metadata_mut().insert("ecumene-code", ecumene.parse().unwrap());
        }
        refusal(&status).map(|refusal| match refusal {
            ReportRefusal::Superseded => "superseded",
            ReportRefusal::Unacceptable { .. } => "unacceptable",
        })
    }

    #[test]
    fn a_newer_epoch_an_outcome_that_cannot_be_kept_and_a_doubt_are_told_apart() {
        for (code, ecumene, expected) in [
            (Code::FailedPrecondition, "stale-epoch", Some("superseded")),
            (Code::FailedPrecondition, "task-ended", Some("superseded")),
            (Code::NotFound, "not-found", Some("superseded")),
            (Code::AlreadyExists, "conflict", Some("superseded")),
            (Code::InvalidArgument, "invalid-argument", Some("unacceptable")),
            (Code::InvalidArgument, "malformed-json", Some("unacceptable")),
            (Code::InvalidArgument, "invalid-document", Some("unacceptable")),
            (Code::ResourceExhausted, "body-too-large", Some("unacceptable")),
            (Code::OutOfRange, "", Some("unacceptable")),
            (Code::ResourceExhausted, "overloaded", None),
            (Code::ResourceExhausted, "", None),
            (Code::Unavailable, "in-doubt", None),
            (Code::Unavailable, "no-leader", None),
            (Code::FailedPrecondition, "not-leader", None),
            (Code::Unavailable, "", None),
            (Code::Internal, "internal", None),
            (Code::Unauthenticated, "unauthenticated", None),
            (Code::PermissionDenied, "permission-denied", None),
        ] {
            assert_eq!(told(code, ecumene), expected, "{code:?} {ecumene}");
        }
    }
}
