//! WAN envelopes: taken in from peers, handed out to local subscribers.
//!
//! Decides an envelope's id, queue and expiry. Must never say "accepted" before it is kept durably, and never hand one out
//! without a lease.
//!
//! The registry keeps an envelope under its source and id, in the proposal that spends its sender's token, and only then is
//! the answer 202; where `store.rs` keeps it elsewhere, the token is spent first. A local subscriber leases it under an epoch and
//! acknowledges it with that epoch; otherwise it comes again.

pub(crate) mod dead;
mod pull;
pub(crate) mod stream;

use axum::response::Response;
use deploy_service::trace;
use gateway_core::params::fault;
use gateway_core::{BodyFault, Failure, Permit};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use proto_types::pilox::envelope::{Envelope, Invalid, LEN_MAX};
use proto_types::{Digest, OrderingKey, Origin, WallMs};
use proto_wire::registry::v1 as wire;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::spend::{Payment, overlooked};
use crate::store::{EnvelopeStore as _, StoreError};
use crate::{clock, forward, reply};

pub(crate) use self::pull::Pull;

/// W3C Trace Context, section 3.2.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Of the envelopes of one source, target and key, one is delivered after the other.
pub(crate) const ORDERING_KEY: HeaderName = HeaderName::from_static("ecumene-ordering-key");
/// What is said of it where envelopes are in JetStream.
const NO_ORDER: &str =
    "absent: the envelopes of this instance are in JetStream, which keeps no order by key";

/// The longest envelope.
pub(crate) const BYTES_MAX: u64 = LEN_MAX as u64;

/// An envelope that is in order and speaks for its caller.
pub(crate) struct Accepted {
    pub(crate) envelope: Envelope,
    /// The instances that have handed it on, this one among them if it goes on.
    hops: Vec<String>,
    ordering_key: Option<OrderingKey>,
    traceparent: Option<String>,
}

/// Reads an envelope; its caller must be its source, or be let bring it.
pub(crate) fn read(
    gateway: &Gateway,
    (parts, body): (&Parts, &[u8]),
    permit: &Permit,
) -> Result<Accepted, Failure> {
    read_of(gateway, (parts, body), |source| forward::check_source(gateway, permit, source))
}

/// Reads an envelope of a source for which this holds.
pub(crate) fn read_of(
    gateway: &Gateway,
    (parts, body): (&Parts, &[u8]),
    check: impl FnOnce(&Origin) -> Result<(), Failure>,
) -> Result<Accepted, Failure> {
    let envelope = Envelope::parse(body).map_err(|invalid| refused(&invalid))?;
    check(&envelope.source_origin)?;
    let hops = forward::hops(gateway, &parts.headers, &envelope)?;
    let traceparent = trace::traceparent().or_else(|| traceparent(&parts.headers));
    let ordering_key = ordering_key(&parts.headers)?;
    if ordering_key.is_some() && !gateway.envelopes.keeps_order() {
        return Err(Failure::Argument(vec![fault("/ecumene-ordering-key", NO_ORDER)]));
    }
    Ok(Accepted { envelope, hops, ordering_key, traceparent })
}

/// Of the envelopes of one source, target and key, one is delivered after the other.
fn ordering_key(headers: &HeaderMap) -> Result<Option<OrderingKey>, Failure> {
    let mut stated = headers.get_all(ORDERING_KEY).into_iter();
    let (first, second) = (stated.next(), stated.next());
    let Some(value) = first else { return Ok(None) };
    let key = value.to_str().ok().and_then(|key| OrderingKey::parse(key).ok());
    let must_be = "one key of 1 to 128 visible ASCII characters";
    let refused = || Failure::Argument(vec![fault("/ecumene-ordering-key", must_be)]);
    key.filter(|_| second.is_none()).map(Some).ok_or_else(refused)
}

fn refused(invalid: &Invalid) -> Failure {
    match invalid {
        Invalid::TooLong { .. } => Failure::Body(BodyFault::TooLarge { limit: BYTES_MAX }),
        Invalid::Json(_) => Failure::NotJson(invalid.faults()),
        Invalid::Schema(_) => Failure::Document(invalid.faults()),
    }
}

/// Makes it durable, then says so. The same bytes of the same source again are the same envelope; a
/// correlation id ties several together, so it names none of them.
pub(crate) async fn publish(
    gateway: &Gateway,
    accepted: Accepted,
    body: bytes::Bytes,
    payment: Payment,
) -> Result<Response, Failure> {
    if payment.is_nothing() || !gateway.envelopes.spends_tokens() {
        gateway.spender.spend(payment).await?;
        return relay(gateway, accepted, body).await;
    }
    let _place = gateway.spender.place(&payment)?;
    let message = wire::EnqueueEnvelopeRequest {
        token: payment.enclosed(),
        ..request(gateway, &accepted, body)
    };
    let queued = gateway.envelopes.accept(message).await.map_err(|error| not_enqueued(&error))?;
    if !queued.token_spent {
        return Err(overlooked());
    }
    Ok(accepted_as(&accepted.envelope, &queued))
}

/// The same of one that comes without a token that could be spent with it.
pub(crate) async fn relay(
    gateway: &Gateway,
    accepted: Accepted,
    body: bytes::Bytes,
) -> Result<Response, Failure> {
    let message = request(gateway, &accepted, body);
    let queued = gateway.envelopes.accept(message).await.map_err(|error| not_enqueued(&error))?;
    Ok(accepted_as(&accepted.envelope, &queued))
}

fn accepted_as(envelope: &Envelope, queued: &wire::EnqueueEnvelopeReply) -> Response {
    let (source, duplicate) = (envelope.source_origin.as_str(), queued.duplicate);
    tracing::debug!(source, revision = queued.revision, duplicate, "envelope accepted");
    let said = json!({"accepted": true, "correlationId": envelope.correlation_id});
    reply::json(StatusCode::ACCEPTED, &said)
}

fn request(
    gateway: &Gateway,
    accepted: &Accepted,
    body: bytes::Bytes,
) -> wire::EnqueueEnvelopeRequest {
    let Accepted { envelope, hops, ordering_key, traceparent } = accepted;
    let (source, correlation) = (envelope.source_origin.as_str(), envelope.correlation_id.as_str());
    let id = Digest::of_parts(&[source.as_bytes(), &[0], correlation.as_bytes(), &[0], &body]);
    let ttl = gateway.live.load().bounds.envelope_ttl.std();
    let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    wire::EnqueueEnvelopeRequest {
        id: id.to_string(),
        source: source.to_owned(),
        target: target(gateway, envelope).to_owned(),
        correlation: correlation.to_owned(),
        document: body,
        traceparent: traceparent.clone().unwrap_or_default(),
        expires_at_ms: clock::wall().plus_ms(ttl_ms).0,
        token: None,
        ordering_key: ordering_key.clone().map(String::from).unwrap_or_default(),
        hops: hops.clone(),
    }
}

/// The queue in which it waits. Where a handle is given too, the origin only says where it lives, unless that is where it goes.
/// Neither: it is for us.
fn target<'g>(gateway: &'g Gateway, envelope: &'g Envelope) -> &'g str {
    let own = &gateway.admission.audience;
    let peer = gateway.fixed.carriage.next(envelope, own);
    match (peer, &envelope.target_handle, &envelope.target_origin) {
        (Some(origin), ..) => origin.as_str(),
        (None, Some(handle), _) => handle.as_str(),
        (None, None, Some(origin)) => origin.as_str(),
        (None, None, None) => own.as_str(),
    }
}

/// After an attempt whose answer was lost, a token may have been spent by that attempt: nobody knows. Its sender asks again
/// with another token, and the envelope is the same.
fn not_enqueued(error: &StoreError) -> Failure {
    match error {
        StoreError::Spent { in_doubt: true } => Failure::RegistryAway,
        StoreError::Spent { in_doubt: false } => Failure::Replayed,
        error => error.failure(),
    }
}

/// The W3C trace context of a request, if it is one (Trace Context, section 3.2).
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &&str, len| {
        part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let [version, trace, parent, flags] = &parts[..] else { return None };
    let whole = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    (whole && *version != "ff" && !zero(trace) && !zero(parent)).then(|| text.to_owned())
}

/// An envelope as whoever takes it sees it.
pub(crate) fn show(leased: &wire::LeasedEnvelope) -> Value {
    let mut shown = json!({
        "id": leased.id,
        "source": leased.source,
        "target": leased.target,
        "correlationId": leased.correlation,
        "epoch": leased.epoch,
        "leasedUntil": WallMs(leased.leased_until_ms).to_rfc3339(),
        "deliveries": leased.deliveries,
        "acceptedAt": WallMs(leased.accepted_at_ms).to_rfc3339(),
        "envelope": parsed(&leased.id, &leased.document),
    });
    if !leased.traceparent.is_empty() {
        shown["traceparent"] = json!(leased.traceparent);
    }
    if !leased.ordering_key.is_empty() {
        shown["orderingKey"] = json!(leased.ordering_key);
    }
    shown
}

/// The envelope as it was sent. It was read by the same rule when it was accepted.
fn parsed(id: &str, document: &[u8]) -> Value {
    proto_types::json::parse_lossless(document).unwrap_or_else(|error| {
        tracing::error!(id, %error, "an accepted envelope cannot be read");
        Value::Null
    })
}

/// What a subscriber has done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledgement {
    #[serde(default)]
    target: Option<String>,
    source: String,
    id: String,
    epoch: u64,
}

/// The longest acknowledgement: four ids.
pub(crate) const ACK_BYTES_MAX: u64 = 4 * 1024;

/// Takes an envelope out of its queue.
pub(crate) async fn acknowledge(
    gateway: &Gateway,
    target: Option<String>,
    body: &[u8],
) -> Result<Response, Failure> {
    let refused = |must_be| Failure::Document(vec![fault("", must_be)]);
    let ack: Acknowledgement = proto_types::json::from_strict(body)
        .map_err(|_| refused("{\"source\", \"id\", \"epoch\"} in strict JSON"))?;
    let target = target.or(ack.target).filter(|target| is_target(target));
    let target =
        target.ok_or_else(|| Failure::Document(vec![fault("/target", "an origin or a handle")]))?;
    let message =
        wire::AckEnvelopeRequest { target, source: ack.source, id: ack.id, epoch: ack.epoch };
    match gateway.envelopes.acknowledge(message).await {
        Ok(()) => Ok(reply::json(StatusCode::OK, &json!({"acknowledged": true}))),
        Err(StoreError::NotFound) => Err(Failure::NotFound),
        Err(StoreError::NotLeased) => Err(Failure::StaleLease),
        Err(StoreError::Invalid) => Err(refused("an origin, an id and an epoch, each in its form")),
        Err(error) => Err(error.failure()),
    }
}

fn is_target(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::registry::Unanswered;

    #[test]
    fn a_spent_token_is_a_replay_unless_an_attempt_before_may_have_spent_it() {
        for (ecumene, code, earlier_in_doubt, told) in [
            ("token-spent", Code::Unauthenticated, false, Failure::Replayed),
            ("token-spent", Code::Unauthenticated, true, Failure::RegistryAway),
            ("unauthenticated", Code::Unauthenticated, false, Failure::Internal),
            ("share-reached", Code::ResourceExhausted, false, Failure::ShareReached),
            ("share-reached", Code::ResourceExhausted, true, Failure::ShareReached),
            ("bound-reached", Code::ResourceExhausted, false, Failure::Overloaded),
        ] {
            let ecumene = ecumene.to_owned();
            let refused = Unanswered::Refused { code, ecumene, earlier_in_doubt };
            let refused = StoreError::from(refused);
            assert_eq!(not_enqueued(&refused), told, "{refused:?}");
        }
        let away = Unanswered::Away { code: Code::Unavailable, in_doubt: true };
        assert_eq!(not_enqueued(&StoreError::from(away)), Failure::RegistryAway);
    }

    #[test]
    fn only_a_whole_trace_context_is_kept() {
        let kept = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", value.parse().unwrap());
            traceparent(&headers).is_some()
        };
        assert!(kept("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert!(!kept(bad), "{bad}");
        }
    }
}
