//! WAN envelopes: accepting, leasing, acknowledging.
//!
//! It decides the form of a queue's name and of a lease. The gateway has verified the envelope: it
//! must never be looked into here.

use proto_types::{CorrelationId, LeaseEpoch};
use proto_wire::registry::v1 as wire;
use registry_core::command::{AckEnvelope, Command, EnqueueEnvelope, LeaseEnvelopes, Proposal};

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// An origin or a handle.
const TARGET_BYTES_MAX: usize = 512;

/// A W3C `traceparent` is 55 bytes; later versions may be longer.
const TRACEPARENT_BYTES_MAX: usize = 256;

/// Envelopes of one lease, as the core bounds them.
const LEASE_MAX: u32 = 100;

/// 1 s to 10 min, as the core bounds them.
const LEASE_TTL_MS: std::ops::RangeInclusive<u64> = 1_000..=600_000;

/// How long a caller may wait for the first envelope.
pub const WAIT_MS_MAX: u64 = 60_000;

/// Reads an envelope to accept.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `body-too-large`.
pub fn enqueue(
    caller: &Principal,
    request: &wire::EnqueueEnvelopeRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway])?;
    let id = field::read("id", &request.id)?;
    let source = field::read("source", &request.source)?;
    let target = target(&request.target)?;
    let correlation: CorrelationId = field::read("correlation", &request.correlation)?;
    let traceparent = match request.traceparent.as_str() {
        "" => None,
        text => Some(field::text("traceparent", text, TRACEPARENT_BYTES_MAX)?),
    };
    let expires_at = field::time("expires_at_ms", request.expires_at_ms)?;
    super::with_body(&request.document, |body| {
        Command::EnqueueEnvelope(EnqueueEnvelope {
            id,
            source,
            target,
            correlation: correlation.into(),
            body,
            traceparent,
            expires_at,
            shared: true,
            metered: true,
        })
    })
}

/// Reads a lease.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn lease(
    caller: &Principal,
    request: &wire::LeaseEnvelopesRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    if !(1..=LEASE_MAX).contains(&request.max) {
        return Err(Problem::argument("max", format_args!("1 to {LEASE_MAX}")));
    }
    if !LEASE_TTL_MS.contains(&request.ttl_ms) {
        return Err(Problem::argument("ttl_ms", "1,000 to 600,000"));
    }
    if request.wait_ms > WAIT_MS_MAX {
        return Err(Problem::argument("wait_ms", format_args!("at most {WAIT_MS_MAX}")));
    }
    let target = target(&request.target)?;
    Ok(super::one(Command::LeaseEnvelopes(LeaseEnvelopes {
        target,
        max: request.max,
        ttl_ms: request.ttl_ms,
    })))
}

/// Reads an acknowledgement.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn ack(caller: &Principal, request: &wire::AckEnvelopeRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    Ok(super::one(Command::AckEnvelope(AckEnvelope {
        target: target(&request.target)?,
        source: field::read("source", &request.source)?,
        id: field::read("id", &request.id)?,
        epoch: LeaseEpoch(request.epoch),
    })))
}

fn target(text: &str) -> Result<String, Problem> {
    field::text("target", text, TARGET_BYTES_MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_every_envelope_are_counted() {
        let request = wire::EnqueueEnvelopeRequest {
            id: "envelope-1".to_owned(),
            source: "https://a.example".to_owned(),
            target: "https://b.example".to_owned(),
            correlation: "correlation-1".to_owned(),
            document: "{}".into(),
            traceparent: String::new(),
            expires_at_ms: 1,
        };
        let gateway = Principal::Gateway("g1".parse().unwrap());
        let proposal = enqueue(&gateway, &request).unwrap();
        let [_, Command::EnqueueEnvelope(envelope)] = &proposal.commands[..] else {
            panic!("{proposal:?}");
        };
        assert_eq!((envelope.shared, envelope.metered), (true, true));
    }
}
