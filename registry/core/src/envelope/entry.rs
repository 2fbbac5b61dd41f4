//! An envelope in the queue of its target, as it is stored. It holds digests of its bodies, never the bodies.

use proto_types::{
    CorrelationId, Digest, EnvelopeId, LeaseEpoch, Origin, QueueName, Revision, TraceParent, WallMs,
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
    /// Leased until then; `WallMs(0)` if never.
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
}

/// That an envelope took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    /// The lease it was acknowledged under.
    pub epoch: LeaseEpoch,
    /// The revision of the acknowledgement.
    pub revision: Revision,
}
