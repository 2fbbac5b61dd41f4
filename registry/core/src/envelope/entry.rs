//! An envelope in the queue of its target, as it is stored. It holds digests of its bodies, never the bodies.

use proto_types::{
    CorrelationId, Digest, EnvelopeId, LeaseEpoch, OrderingKey, Origin, QueueName, Reason,
    Revision, TraceParent, WallMs,
};
use serde::{Deserialize, Serialize};

/// One WAN envelope in the queue of its target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeEntry {
    /// Unique within its source.
    pub id: EnvelopeId,
    /// Who sent it.
    pub source: Origin,
    /// The queue: a target origin or handle.
    pub target: QueueName,
    /// End-to-end correlation.
    pub correlation: CorrelationId,
    /// The envelope as received, a body.
    pub body: Digest,
    /// The W3C trace context it came with.
    pub traceparent: Option<TraceParent>,
    /// When it was accepted.
    pub accepted_at: WallMs,
    /// When it is void.
    pub expires_at: WallMs,
    /// The newest lease epoch.
    pub epoch: LeaseEpoch,
    /// Nobody gets it before then: its lease lasts so long, or its last holder has put it off. `WallMs(0)` if it was never
    /// leased.
    pub leased_until: WallMs,
    /// How often it was leased.
    pub deliveries: u32,
    /// The revision at which it was accepted: its place in the queue.
    pub revision: Revision,
    /// Set once it took effect at its target: out of the queue, remembered until it expires.
    #[serde(default)]
    pub acked: Option<Acked>,
    /// Whether its source's share is known to count it; of one from an earlier version it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// How many bytes are counted as kept for it; `None` of one from before these were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether it becomes a dead letter if it expires in its queue; of one from an earlier version that is so once an attempt
    /// has failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_undelivered: bool,
    /// How many attempts have failed since it was accepted, or replayed.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub failures: u32,
    /// The last of the attempts that have failed, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<FailedAttempt>,
    /// Set while it is a dead letter: out of the queue, kept for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Dead>,
    /// Of those of one source, target and key, one at a time is leased, in the order of acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<OrderingKey>,
    /// The instances that have handed it on, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Origin>,
}

impl EnvelopeEntry {
    /// Until when it is kept.
    pub(crate) fn kept_until(&self) -> WallMs {
        self.dead.map_or(self.expires_at, |dead| dead.until)
    }

    /// Whether it waits in its queue, leased or not.
    pub(crate) fn is_queued(&self) -> bool {
        self.acked.is_none() && self.dead.is_none()
    }

    /// Whether it was leased under this epoch, and to nobody since.
    pub(crate) fn is_held_under(&self, epoch: LeaseEpoch) -> bool {
        self.is_queued() && self.epoch == epoch && self.deliveries > 0
    }
}

/// An attempt to deliver an envelope that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// When that was told.
    pub at: WallMs,
    /// The lease that it was made under.
    pub epoch: LeaseEpoch,
    /// Why, as its holder has it.
    pub reason: Reason,
}

/// That nobody tries to deliver an envelope any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// Since when.
    pub at: WallMs,
    /// When it is forgotten.
    pub until: WallMs,
    /// The revision of that: its place among the dead letters of its target.
    pub revision: Revision,
    /// Why.
    pub cause: DeadCause,
}

/// Why nobody tries any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeadCause {
    /// As many attempts have failed as its holder makes.
    Attempts,
    /// It has expired.
    Expired,
}

proto_types::words!(DeadCause {
    Attempts = "attempts",
    Expired = "expired",
});

/// That an envelope took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    /// The lease it was acknowledged under.
    pub epoch: LeaseEpoch,
    /// The revision of the acknowledgement.
    pub revision: Revision,
}
