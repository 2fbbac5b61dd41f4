//! WAN envelopes: accept, lease, acknowledge. The gateway has verified the envelope, and nothing here looks into it.

use std::time::Duration;

use proto_types::{LeaseEpoch, LeaseLimit, LeaseTtl};
use proto_wire::registry::v1 as wire;
use registry_core::command::{AckEnvelope, Command, EnqueueEnvelope, LeaseEnvelopes, Proposal};
use registry_core::view::View;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// How long a caller may wait for the first envelope.
const WAIT_MS_MAX: u64 = 60_000;

/// Reads an envelope to accept, with the token that is spent with it.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `body-too-large`, `internal` if the view fails.
pub fn enqueue(
    caller: &Principal,
    request: &wire::EnqueueEnvelopeRequest,
    view: &dyn View,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway])?;
    let id = field::read("id", &request.id)?;
    let source = field::read("source", &request.source)?;
    let target = field::read("target", &request.target)?;
    let correlation = field::read("correlation", &request.correlation)?;
    let traceparent = field::optional("traceparent", &request.traceparent)?;
    let expires_at = field::time("expires_at_ms", request.expires_at_ms)?;
    let token = super::token::payment(caller, request.token.as_ref(), view)?;
    super::with_body(&request.document, |body| {
        Command::EnqueueEnvelope(EnqueueEnvelope {
            id,
            source,
            target,
            correlation,
            body,
            traceparent,
            expires_at,
            shared: true,
            metered: true,
            token,
        })
    })
}

/// Reads a lease, and how long its caller waits for the first envelope.
pub fn lease(
    caller: &Principal,
    request: &wire::LeaseEnvelopesRequest,
) -> Result<(LeaseEnvelopes, Duration), Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let max = LeaseLimit::try_from(request.max).map_err(|why| Problem::argument("max", why))?;
    let ttl_ms =
        LeaseTtl::try_from(request.ttl_ms).map_err(|why| Problem::argument("ttl_ms", why))?;
    if request.wait_ms > WAIT_MS_MAX {
        return Err(Problem::argument("wait_ms", format_args!("at most {WAIT_MS_MAX}")));
    }
    let target = field::read("target", &request.target)?;
    let wait = Duration::from_millis(request.wait_ms);
    Ok((LeaseEnvelopes { target, max, ttl_ms }, wait))
}

/// Reads an acknowledgement.
pub fn ack(caller: &Principal, request: &wire::AckEnvelopeRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    Ok(super::one(Command::AckEnvelope(AckEnvelope {
        target: field::read("target", &request.target)?,
        source: field::read("source", &request.source)?,
        id: field::read("id", &request.id)?,
        epoch: LeaseEpoch(request.epoch),
    })))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Digest, WallMs};
    use registry_core::command::SpendToken;
    use registry_core::view::Memory;

    use super::*;

    #[test]
    fn the_bytes_of_every_envelope_are_counted_and_its_token_is_spent_with_it() {
        let key = vec![7; 32].into();
        let token =
            wire::TokenUse { key, remember_until_ms: 400_000, issued_at_ms: 1, epoch: None };
        let request = wire::EnqueueEnvelopeRequest {
            id: "envelope-1".to_owned(),
            source: "https://a.example".to_owned(),
            target: "https://b.example".to_owned(),
            correlation: "correlation-1".to_owned(),
            document: "{}".into(),
            expires_at_ms: 1,
            token: Some(token),
            ..Default::default()
        };
        let gateway = Principal::Gateway("g1".parse().unwrap());
        let proposal = enqueue(&gateway, &request, &Memory::default()).unwrap();
        let [_, Command::EnqueueEnvelope(envelope)] = &proposal.commands[..] else {
            panic!("{proposal:?}");
        };
        assert_eq!((envelope.shared, envelope.metered), (true, true));
        let spent = SpendToken { hash: Digest([7; 32]), until: WallMs(400_000) };
        assert_eq!(envelope.token, Some(spent));
    }
}
