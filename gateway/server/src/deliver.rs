//! What deliveries of envelopes have in common, whatever they are and wherever they go: a lease before, and a word to where
//! they are kept after.
//!
//! Decides nothing about answers and pauses, which `gateway_core::webhook` does. Must never acknowledge what no receiver has
//! taken; a receiver may see an envelope twice, where an acknowledgement is lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway_core::webhook::{Verdict, retry_in_ms};
use proto_types::QueueName;
use proto_wire::registry::v1 as wire;

use crate::gateway::Gateway;
use crate::secrets::draw;
use crate::store::{EnvelopeStore as _, StoreError};

/// How long a receiver may take to answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// From a call that the registry did not answer to the next.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
/// A delivery and the words of the registry about it, which take 8 s at most each, and some.
pub(crate) const LEASE: Duration = Duration::from_millis(LEASE_MS);
const LEASE_MS: u64 = 30_000;
/// How long the registry waits for the first envelope.
const WAIT_MS: u64 = 20_000;

/// How deliveries ended.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pub(crate) taken: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// What becomes of an envelope that was not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    /// With so many failures it is a dead letter.
    pub(crate) attempts_max: u32,
    /// Nobody tries again before so many ms are over.
    pub(crate) after_ms: u64,
}

/// Leases up to `max` envelopes of a queue, and waits for the first; none if the gateway stops meanwhile.
pub(crate) async fn lease(
    gateway: &Gateway,
    queue: &QueueName,
    max: u32,
) -> Result<Vec<wire::LeasedEnvelope>, StoreError> {
    let message = wire::LeaseEnvelopesRequest {
        target: queue.to_string(),
        max,
        ttl_ms: LEASE_MS,
        wait_ms: WAIT_MS,
    };
    tokio::select! {
        biased;
        () = gateway.shutdown.triggered() => Ok(Vec::new()),
        leased = gateway.envelopes.lease(message) => leased,
    }
}

/// Tells the registry how a delivery ended, and counts it.
pub(crate) async fn tell(
    gateway: &Gateway,
    (leased, counts): (wire::LeasedEnvelope, &Deliveries),
    (verdict, reason): (Verdict, String),
    retry: Retry,
) {
    let (id, queue) = (leased.id.clone(), leased.target.clone());
    let told = match verdict {
        Verdict::Taken => {
            counts.taken.fetch_add(1, Ordering::Relaxed);
            acknowledge(gateway, leased).await
        }
        Verdict::Gone | Verdict::Refused | Verdict::Unavailable => {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%queue, %id, %reason, "an envelope is not delivered");
            let attempts_max = if verdict == Verdict::Gone { 1 } else { retry.attempts_max };
            fail(gateway, leased, reason, Retry { attempts_max, ..retry }).await
        }
    };
    if let Err(error) = told {
        // It comes again when its lease has ended.
        tracing::warn!(%queue, %id, %error, ?verdict, "the registry hears of no delivery");
    }
}

/// Takes an envelope out of its queue.
pub(crate) async fn acknowledge(
    gateway: &Gateway,
    leased: wire::LeasedEnvelope,
) -> Result<(), StoreError> {
    let wire::LeasedEnvelope { target, source, id, epoch, .. } = leased;
    gateway.envelopes.acknowledge(wire::AckEnvelopeRequest { target, source, id, epoch }).await
}

async fn fail(
    gateway: &Gateway,
    leased: wire::LeasedEnvelope,
    reason: String,
    Retry { attempts_max, after_ms }: Retry,
) -> Result<(), StoreError> {
    let retry_in_ms = retry_in_ms(leased.failures, draw()).max(after_ms);
    let wire::LeasedEnvelope { target, source, id, epoch, .. } = leased;
    let message =
        wire::FailEnvelopeRequest { target, source, id, epoch, reason, retry_in_ms, attempts_max };
    gateway.envelopes.fail(message).await
}
