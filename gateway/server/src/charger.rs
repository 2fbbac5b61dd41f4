//! Whose token each request showed, and how its end counts for or against that peer.
//!
//! Decides about which tokens the registry is asked: those that were used badly before they were spent. Must never hold up
//! a request, nor charge a peer for a token that was not fresh.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deploy_service::Backoff;
use gateway_core::admit::Permit;
use gateway_core::conduct::{self, Conduct};
use gateway_core::{Failure, Peer};
use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use tokio::sync::mpsc;

use crate::registry::Registry;
use crate::spend::token_use;

/// Between two attempts while the registry is away.
const RETRY: Duration = Duration::from_secs(5);
/// Tokens that wait to be asked about. Beyond it nothing is charged: in doubt for the peer.
const CHARGES_MAX: usize = 4_096;
/// What the registry takes in one call.
const BATCH_MAX: usize = 1_024;

/// Whose token a request showed, and which.
pub(crate) struct Bearer {
    peer: Arc<Peer>,
    token: wire::TokenUse,
}

impl Bearer {
    /// As [`token_use`].
    pub(crate) fn of(permit: &Permit, epoch: u64) -> Self {
        Self { peer: Arc::clone(&permit.peer), token: token_use(permit, epoch) }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.peer.origin
    }
}

/// Asks the registry whether tokens were fresh that were used badly before they were spent.
pub(crate) struct Charger(mpsc::Sender<Charge>);

struct Charge {
    bearer: Bearer,
    conduct: Conduct,
}

impl Charger {
    /// Starts asking; ends when it is dropped.
    pub(crate) fn start(registry: Arc<Registry>) -> Self {
        let (queue, waiting) = mpsc::channel(CHARGES_MAX);
        tokio::spawn(settle(registry, waiting));
        Self(queue)
    }

    /// Counts a request that has ended; `spent` if its token was spent for it.
    pub(crate) fn note(&self, bearer: Bearer, spent: bool, ended: Result<(), &Failure>) {
        let conduct = conduct::judge(ended);
        let tally = &bearer.peer.tally;
        match conduct {
            conduct if spent => tally.count(conduct),
            Some(conduct) if tally.may_ask() => {
                // What does not fit is not charged.
                let _ = self.0.try_send(Charge { bearer, conduct });
            }
            _ => {}
        }
    }
}

async fn settle(registry: Arc<Registry>, mut waiting: mpsc::Receiver<Charge>) {
    let mut batch = Vec::new();
    let mut backoff = Backoff::new(RETRY, RETRY);
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let tokens = batch.iter().map(|charge: &Charge| charge.bearer.token.clone()).collect();
        match registry.charge(wire::SpendTokensRequest { tokens }).await {
            Ok(reply) if reply.verdicts.len() == batch.len() => {
                let fresh = i32::from(wire::Verdict::Fresh);
                let each = batch.iter().zip(reply.verdicts);
                let proven = each.filter(|(_, verdict)| *verdict == fresh);
                proven.for_each(|(charge, _)| charge.bearer.peer.tally.count(Some(charge.conduct)));
                backoff.succeeded();
            }
            Ok(_) => {
                tracing::error!("the registry answers for other tokens than it was asked about")
            }
            Err(unanswered) => {
                if let Some(unsaid) = backoff.failed(Instant::now()).say {
                    tracing::info!(%unanswered, unsaid, "nobody is charged");
                }
            }
        }
        batch.clear();
    }
}
