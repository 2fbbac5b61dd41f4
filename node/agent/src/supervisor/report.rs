//! Telling the registry an outcome until it has decided.
//! It decides what an answer means: committed, void, unacceptable, or not decided yet. It must never take a failure to
//! decide for a refusal, nor one refusal for another: a task would wait for its deadline, or lose its outcome; nor go on
//! when nobody can want the outcome any more.

use std::time::{Duration, Instant};

use deploy_service::Backoff;
use node_core::{Event, ReportRefusal};
use proto_types::Code as Known;
use proto_wire::registry::v1 as wire;
use tokio::task::AbortHandle;
use tonic::{Code, Status};

use crate::registry::Registry;

use super::note::News;

/// Between attempts to report; an election takes about two seconds.
const REPORT_RETRY: Duration = Duration::from_millis(300);

/// The longest pause while the registry does not accept this node: a credential that was revoked stays so.
const DENIED_RETRY_MAX: Duration = Duration::from_secs(10);

/// The registry ends a task at its deadline by itself. So much later it has done so.
const VOID_AFTER_US: u64 = 5 * 60 * 1_000_000;

/// The work that tells one outcome; it ends with the task that it is about.
#[derive(Debug)]
pub(crate) struct Reporting(pub(crate) AbortHandle);

impl Drop for Reporting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the registry until it has committed or refused, or until the task has been overdue for long.
pub(crate) async fn commit(
    registry: &Registry,
    request: wire::CompleteTaskRequest,
    overdue_us: impl Fn() -> u64,
) -> News {
    let complete = || registry.complete(request.clone());
    let decided = until_decided(&request.id, complete, overdue_us).await;
    let Some((refusal, status)) = decided else { return News::Committed };
    tracing::info!(task = %request.id, %status, ?refusal, "the outcome is refused");
    News::Event(Event::ReportRefused(refusal))
}

/// Why the outcome is not kept, and what the registry said last; `None` if it is.
async fn until_decided<F: Future<Output = Result<(), Status>>>(
    task: &str,
    complete: impl Fn() -> F,
    overdue_us: impl Fn() -> u64,
) -> Option<(ReportRefusal, Status)> {
    let mut denied = Backoff::new(REPORT_RETRY, DENIED_RETRY_MAX);
    loop {
        let Err(status) = complete().await else { return None };
        if let Some(refusal) = refusal(&status) {
            return Some((refusal, status));
        }
        if overdue_us() >= VOID_AFTER_US {
            return Some((ReportRefusal::Superseded, status));
        }
        tracing::warn!(task, %status, "the outcome is not committed yet");
        let pause = match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => denied.failed(Instant::now()).pause,
            _ => REPORT_RETRY,
        };
        tokio::time::sleep(pause).await;
    }
}

/// Why the registry will not have the outcome; `None` if it has not decided: it is away, in doubt, busy, or does not
/// accept this node just now.
fn refusal(status: &Status) -> Option<ReportRefusal> {
    let said = registry_client::code_of(status).and_then(|code| code.parse::<Known>().ok());
    match (said, status.code()) {
        (
            Some(
                Known::NotLeader
                | Known::NoLeader
                | Known::Overloaded
                | Known::RateLimited
                | Known::TooManyStreams,
            ),
            _,
        ) => None,
        (Some(Known::BodyTooLarge | Known::BoundReached), _)
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
    use std::cell::Cell;

    use proto_types::metadata::CODE_KEY;
    use tokio::sync::oneshot;

    use super::*;

    /// What comes of answers, the last of which stays, for a task that has been overdue for so long.
    async fn decided(answers: &[Code], overdue_us: u64) -> (Option<ReportRefusal>, usize) {
        let attempts = Cell::new(0_usize);
        let complete = || {
            let at = attempts.replace(attempts.get() + 1);
            let code = answers[at.min(answers.len() - 1)];
            async move { if code == Code::Ok { Ok(()) } else { Err(Status::new(code, "why")) } }
        };
        let decided = until_decided("t", complete, || overdue_us).await;
        let decided = decided.map(|(refusal, _)| refusal);
        (decided, attempts.into_inner())
    }

    #[tokio::test]
    async fn a_report_is_repeated_until_it_is_decided_or_its_deadline_is_long_over() {
        for doubt in [Code::Unavailable, Code::Unauthenticated, Code::PermissionDenied] {
            let (refusal, attempts) = decided(&[doubt, Code::Ok], VOID_AFTER_US - 1).await;
            assert_eq!((refusal, attempts), (None, 2), "{doubt:?}: nobody has ended it for sure");
            let (refusal, attempts) = decided(&[doubt], VOID_AFTER_US).await;
            assert_eq!((refusal, attempts), (Some(ReportRefusal::Superseded), 1), "{doubt:?}");
        }
        let (refusal, _) = decided(&[Code::Ok], VOID_AFTER_US).await;
        assert_eq!(refusal, None, "it is reported at least once");
    }

    #[tokio::test]
    async fn a_report_ends_with_its_task() {
        let (held, ended) = oneshot::channel::<()>();
        let work = tokio::spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(Reporting(work.abort_handle()));
        assert!(ended.await.is_err(), "what the work held is dropped");
    }

    fn refused(code: Code, ecumene: &str) -> Option<&'static str> {
        let mut status = Status::new(code, "why");
        if !ecumene.is_empty() {
            status.metadata_mut().insert(CODE_KEY, ecumene.parse().unwrap());
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
            assert_eq!(refused(code, ecumene), expected, "{code:?} {ecumene}");
        }
    }
}
