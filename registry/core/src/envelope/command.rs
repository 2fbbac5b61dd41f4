//! The commands about envelopes and their queues. An envelope is a body, which commands name by digest.

use proto_types::{
    CorrelationId, Digest, EnvelopeId, LeaseEpoch, LeaseLimit, LeaseTtl, OrderingKey, Origin,
    QueueName, Reason, TraceParent, WallMs,
};
use serde::{Deserialize, Serialize};

use crate::token::command::SpendToken;

/// Accepts an envelope durably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnqueueEnvelope {
    /// Unique within its source.
    pub id: EnvelopeId,
    /// Who sent it.
    pub source: Origin,
    /// The queue.
    pub target: QueueName,
    /// End-to-end correlation.
    pub correlation: CorrelationId,
    /// The envelope as received, a body.
    pub body: Digest,
    /// The W3C trace context it came with.
    pub traceparent: Option<TraceParent>,
    /// When it is void; at most 7 days ahead.
    pub expires_at: WallMs,
    /// Whether it is noted that its source's share counts it. False in earlier logs.
    #[serde(default)]
    pub shared: bool,
    /// Whether the bytes that are kept for it are counted. False in earlier logs.
    #[serde(default)]
    pub metered: bool,
    /// The sender's token, spent with it. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SpendToken>,
    /// Whether it becomes a dead letter if it expires undelivered. False in earlier logs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_undelivered: bool,
    /// Of those with one key, one at a time is leased. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<OrderingKey>,
    /// Who has handed it on. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Origin>,
}

/// Leases the oldest envelopes of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseEnvelopes {
    /// The queue.
    pub target: QueueName,
    /// How many at most.
    pub max: LeaseLimit,
    /// How long.
    pub ttl_ms: LeaseTtl,
}

/// Takes a leased envelope out of its queue; its id stays known until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckEnvelope {
    /// The queue.
    pub target: QueueName,
    /// Who sent it.
    pub source: Origin,
    /// Which one.
    pub id: EnvelopeId,
    /// Under which lease.
    pub epoch: LeaseEpoch,
}

/// Tells that a leased envelope could not be delivered. Its lease ends; the same again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailEnvelope {
    /// The queue.
    pub target: QueueName,
    /// Who sent it.
    pub source: Origin,
    /// Which one.
    pub id: EnvelopeId,
    /// Under which lease.
    pub epoch: LeaseEpoch,
    /// Why; kept with the envelope.
    pub reason: Reason,
    /// Nobody gets it before then; at most a day ahead.
    pub not_before: WallMs,
    /// With so many failures it becomes a dead letter.
    pub attempts_max: u32,
}

/// Puts a dead letter back into its queue, at its place, to be tried anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayEnvelope {
    /// Who sent it.
    pub source: Origin,
    /// Which one.
    pub id: EnvelopeId,
    /// When it is void at the earliest; at most 7 days ahead.
    pub expires_at: WallMs,
}

/// Forgets a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropEnvelope {
    /// Who sent it.
    pub source: Origin,
    /// Which one.
    pub id: EnvelopeId,
}
