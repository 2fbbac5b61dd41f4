//! One call, made to one member after the other until an answer comes.
//!
//! Decides which statuses mean "ask another" and for how long. Must never give up on a member for
//! a refusal: every member would say the same.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::{Registry, metadata};

/// Between two rounds through all members: an election is under way, or all are gone.
const PAUSE: Duration = Duration::from_millis(50);

/// How long one member may take, and all attempts together.
#[derive(Clone, Copy)]
pub(super) struct Attempts {
    pub(super) each: Duration,
    pub(super) all: Duration,
}

/// An answer, and whether an attempt before it may have been carried out unheard.
pub(super) struct Answer<T> {
    pub(super) reply: T,
    pub(super) earlier_in_doubt: bool,
}

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

impl Registry {
    /// Asks the members in turn, the one that answered last first.
    pub(super) async fn rotate<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        attempts: Attempts,
        call: impl Fn(Channel) -> F,
    ) -> Result<Answer<T>, Unanswered> {
        let end = tokio::time::Instant::now() + attempts.all;
        let mut earlier_in_doubt = false;
        let mut asked = 0;
        loop {
            let at = self.good.load(Ordering::Relaxed) % self.members.len();
            let limit = end.min(tokio::time::Instant::now() + attempts.each);
            let answer = tokio::time::timeout_at(limit, call(self.members[at].clone())).await;
            let status = match self.current(answer) {
                Ok(reply) => return Ok(Answer { reply, earlier_in_doubt }),
                Err(status) if !is_unreachable(&status) => return Err(refused(&status)),
                Err(status) => status,
            };
            earlier_in_doubt |= !is_before_sending(&status);
            self.pass_over(at);
            asked += 1;
            let pause = if asked % self.members.len() == 0 { PAUSE } else { Duration::ZERO };
            if tokio::time::Instant::now() + pause >= end {
                return Err(Unanswered::Away(status.code()));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// What was answered, if it was in time and in the newest cluster epoch.
    fn current<T>(
        &self,
        answer: Result<Result<Response<T>, Status>, Elapsed>,
    ) -> Result<T, Status> {
        let late = |_| Err(Status::deadline_exceeded("no answer in time"));
        let answer = answer.unwrap_or_else(late);
        self.check_epoch(metadata(&answer))?;
        answer.map(Response::into_inner)
    }

    /// The next member takes the place of `at`, unless another call has moved on already.
    pub(super) fn pass_over(&self, at: usize) {
        let next = (at + 1) % self.members.len();
        let _ = self.good.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Whether another member may answer. A connection that breaks while a member stops is `INTERNAL` by HTTP/2's rules; what the
/// registry says itself has a code of its own beside it.
fn is_unreachable(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => true,
        code => code == Code::Internal && ecumene_code(status).is_empty(),
    }
}

/// Whether the call certainly had no effect: the registry says that nothing was proposed, or the
/// connection was never made.
fn is_before_sending(status: &Status) -> bool {
    match ecumene_code(status) {
        "" => {
            let mut cause = std::error::Error::source(status);
            while let Some(error) = cause {
                if let Some(io) = error.downcast_ref::<std::io::Error>() {
                    return io.kind() == std::io::ErrorKind::ConnectionRefused;
                }
                cause = error.source();
            }
            false
        }
        code => matches!(code, "no-leader" | "stopping"),
    }
}

fn refused(status: &Status) -> Unanswered {
    Unanswered::Refused { code: status.code(), ecumene: ecumene_code(status).to_owned() }
}

fn ecumene_code(status: &Status) -> &str {
    let value = status.metadata().get("ecumene-code");
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl Unanswered {
    /// What our caller is told, where the call itself could not be at fault.
    pub(crate) fn failure(&self) -> gateway_core::Failure {
        use gateway_core::Failure;
        match self {
            Self::Away(_) => Failure::RegistryAway,
            Self::Refused { ecumene, .. } if ecumene == "share-reached" => Failure::ShareReached,
            Self::Refused { code: Code::ResourceExhausted, .. } => Failure::Overloaded,
            Self::Refused { .. } => Failure::Internal,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_for_another_member_and_a_fault_of_the_registrys_own_is_not() {
        let broken = Status::internal("h2 protocol error");
        assert!(is_unreachable(&broken) && !is_before_sending(&broken));
        let mut own = Status::internal("why");
        own.metadata_mut().insert("ecumene-code", "internal".parse().unwrap());
        assert!(!is_unreachable(&own));
        assert!(!is_unreachable(&Status::not_found("why")));
    }
}
