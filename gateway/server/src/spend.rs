//! Spends tokens through the registry, many in one call.
//!
//! Decides how many tokens share a call. Must never tell a caller that its token was fresh unless
//! the registry said so of this very token: when in doubt it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_core::Failure;
use gateway_core::admit::Permit;
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::registry::{Registry, Unanswered};

/// What the registry takes in one call.
const BATCH_MAX: usize = 1_024;
/// Calls under way. While they are, tokens gather for the next: one commit pays for all of them,
/// and an idle gateway waits for nobody.
const CALLS_MAX: usize = 2;

/// The queue of tokens; clones share it.
#[derive(Clone)]
pub(crate) struct Spender {
    queue: mpsc::Sender<Waiting>,
    counts: Arc<Counts>,
}

/// What was spent, for counters.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: AtomicU64,
    pub(crate) tokens: AtomicU64,
}

struct Waiting {
    token: wire::TokenUse,
    verdict: oneshot::Sender<Result<(), Failure>>,
}

impl Spender {
    /// Starts spending; ends when the last clone is dropped.
    pub(crate) fn start(registry: Arc<Registry>, queue_max: usize) -> Self {
        let (queue, waiting) = mpsc::channel(queue_max);
        let counts = Arc::new(Counts::default());
        tokio::spawn(run(registry, waiting, Arc::clone(&counts)));
        Self { queue, counts }
    }

    /// Spends the token of a permit.
    ///
    /// # Errors
    /// It was used before, too many wait, or nobody knows. Cancel safe for everybody but the
    /// token, which may be spent.
    pub(crate) async fn spend(&self, permit: &Permit) -> Result<(), Failure> {
        let (verdict, told) = oneshot::channel();
        let token = token_use(permit);
        self.queue.try_send(Waiting { token, verdict }).map_err(|_| Failure::Overloaded)?;
        told.await.unwrap_or(Err(Failure::RegistryAway))
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// The token of a permit, as the registry is told of it.
pub(crate) fn token_use(permit: &Permit) -> wire::TokenUse {
    wire::TokenUse {
        key: permit.replay_key.as_bytes().to_vec().into(),
        remember_until_ms: permit.remember_until.0,
        issued_at_ms: WallMs::from_secs(permit.claims.iat).0,
    }
}

async fn run(registry: Arc<Registry>, mut waiting: mpsc::Receiver<Waiting>, counts: Arc<Counts>) {
    let calls = Arc::new(Semaphore::new(CALLS_MAX));
    loop {
        let mut batch = Vec::new();
        let Ok(call) = Arc::clone(&calls).acquire_owned().await else { return };
        if waiting.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        counts.calls.fetch_add(1, Ordering::Relaxed);
        counts.tokens.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            spend(&registry, batch).await;
            drop(call);
        });
    }
}

async fn spend(registry: &Registry, batch: Vec<Waiting>) {
    let tokens = batch.iter().map(|waiting| waiting.token.clone()).collect();
    let (verdicts, earlier_in_doubt) = match registry.spend(tokens).await {
        Ok((reply, in_doubt)) if reply.verdicts.len() == batch.len() => (reply.verdicts, in_doubt),
        Ok(_) => return tell_all(batch, &Failure::RegistryAway),
        Err(unanswered @ Unanswered::Away(_)) => return tell_all(batch, &unanswered.failure()),
        Err(refused) => {
            tracing::error!(%refused, "the registry spends no tokens");
            return tell_all(batch, &refused.failure());
        }
    };
    for (waiting, verdict) in batch.into_iter().zip(verdicts) {
        // A caller that went away does not hear it; its token is spent all the same.
        let _ = waiting.verdict.send(judge(verdict, earlier_in_doubt));
    }
}

/// After an attempt whose answer was lost, "replayed" may be that attempt: nobody knows.
fn judge(verdict: i32, earlier_in_doubt: bool) -> Result<(), Failure> {
    match wire::Verdict::try_from(verdict) {
        Ok(wire::Verdict::Fresh) => Ok(()),
        Ok(wire::Verdict::Replayed) if !earlier_in_doubt => Err(Failure::Replayed),
        // The registry's clock says that the token is dead; it was checked with ours before.
        Ok(wire::Verdict::OutOfHorizon) => Err(Failure::Replayed),
        _ => Err(Failure::RegistryAway),
    }
}

fn tell_all(batch: Vec<Waiting>, failure: &Failure) {
    for waiting in batch {
        let _ = waiting.verdict.send(Err(failure.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fresh_lets_in_and_replayed_after_a_lost_answer_is_doubt() {
        let say = |verdict: wire::Verdict, in_doubt| judge(verdict.into(), in_doubt);
        assert_eq!(say(wire::Verdict::Fresh, false), Ok(()));
        assert_eq!(say(wire::Verdict::Fresh, true), Ok(()));
        assert_eq!(say(wire::Verdict::Replayed, false), Err(Failure::Replayed));
        assert_eq!(say(wire::Verdict::Replayed, true), Err(Failure::RegistryAway));
        assert_eq!(say(wire::Verdict::OutOfHorizon, false), Err(Failure::Replayed));
        assert_eq!(say(wire::Verdict::Unspecified, false), Err(Failure::RegistryAway));
        assert_eq!(judge(99, false), Err(Failure::RegistryAway));
    }
}
