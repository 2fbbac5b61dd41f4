//! WAN envelopes: taken in from peers, handed out to local subscribers.
//!
//! Decides an envelope's id, queue and expiry. Must never say "accepted" before the registry has it
//! on the disks of a majority, and never hand one out without a lease.
//!
//! The registry keeps an envelope under its source and id, in the proposal that spends its sender's token, and only then is
//! the answer 202. A local subscriber leases it under an epoch and acknowledges it with that epoch; otherwise it comes again.

use std::time::Duration;

use axum::response::Response;
use deploy_service::units;
use gateway_core::params::{Faults, fault};
use gateway_core::{Failure, Permit};
use http::{HeaderMap, HeaderName, StatusCode};
use proto_types::pilox::envelope::{Envelope, Invalid, LEN_MAX};
use proto_types::{Class, Digest, WallMs};
use proto_wire::registry::v1 as wire;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Code;

use crate::gateway::Gateway;
use crate::registry::Unanswered;
use crate::spend::{Payment, overlooked};
use crate::{clock, query, reply};

/// W3C Trace Context, section 3.2.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest envelope.
pub(crate) const BYTES_MAX: u64 = LEN_MAX as u64;

/// An envelope that is in order and speaks for its caller.
pub(crate) struct Accepted {
    envelope: Envelope,
}

/// Reads an envelope; its source must be the caller.
pub(crate) fn read(body: &[u8], permit: &Permit) -> Result<Accepted, Failure> {
    let envelope = Envelope::parse(body).map_err(|invalid| refused(&invalid))?;
    if envelope.source_origin != permit.peer.origin {
        return Err(Failure::ForeignSource);
    }
    Ok(Accepted { envelope })
}

fn refused(invalid: &Invalid) -> Failure {
    match invalid {
        Invalid::TooLong { .. } => Failure::TooLarge { limit: BYTES_MAX },
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
    traceparent: Option<String>,
    payment: Payment,
) -> Result<Response, Failure> {
    let Accepted { envelope } = accepted;
    let _place = gateway.spender.place(&payment)?;
    let message = wire::EnqueueEnvelopeRequest {
        token: Some(payment.enclosed()),
        ..request(gateway, &envelope, body, traceparent)
    };
    let queued = gateway.registry.enqueue(message).await.map_err(|error| not_enqueued(&error))?;
    if !queued.token_spent {
        return Err(overlooked());
    }
    let (source, duplicate) = (envelope.source_origin.as_str(), queued.duplicate);
    tracing::debug!(source, revision = queued.revision, duplicate, "envelope accepted");
    let said = json!({"accepted": true, "correlationId": envelope.correlation_id});
    Ok(reply::json(StatusCode::ACCEPTED, &said))
}

fn request(
    gateway: &Gateway,
    envelope: &Envelope,
    body: bytes::Bytes,
    traceparent: Option<String>,
) -> wire::EnqueueEnvelopeRequest {
    let (source, correlation) = (envelope.source_origin.as_str(), envelope.correlation_id.as_str());
    let id = Digest::of_parts(&[source.as_bytes(), &[0], correlation.as_bytes(), &[0], &body]);
    // Where a handle is given too, the origin only says where it lives. Neither: it is for us.
    let target = match (&envelope.target_handle, &envelope.target_origin) {
        (Some(handle), _) => handle.as_str(),
        (None, Some(origin)) => origin.as_str(),
        (None, None) => gateway.admission.audience.as_str(),
    };
    let ttl = gateway.live.load().bounds.envelope_ttl.std();
    let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    wire::EnqueueEnvelopeRequest {
        id: id.to_string(),
        source: source.to_owned(),
        target: target.to_owned(),
        correlation: correlation.to_owned(),
        document: body,
        traceparent: traceparent.unwrap_or_default(),
        expires_at_ms: clock::wall().plus_ms(ttl_ms).0,
        token: None,
    }
}

/// After an attempt whose answer was lost, a token may have been spent by that attempt: nobody knows. Its sender asks again
/// with another token, and the envelope is the same.
fn not_enqueued(error: &Unanswered) -> Failure {
    match error {
        Unanswered::Refused { earlier_in_doubt: true, .. } if error.is_spent() => {
            Failure::RegistryAway
        }
        error if error.is_spent() => Failure::Replayed,
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

/// What a subscriber asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Pull {
    target: String,
    max: u32,
    wait: Duration,
}

/// What the registry leases in one call.
const PULL_MAX: u32 = 100;
/// Half a minute below the timeout of common proxies; the registry waits as long.
const WAIT_MAX: Duration = Duration::from_secs(60);

impl Pull {
    /// Reads the query: `target` where the path names none, `max` (10), `wait` (`0s`).
    pub(crate) fn read(target: Option<String>, query: &str) -> Result<Self, Failure> {
        let mut found = Faults::new();
        let (mut target, mut max, mut wait) = (target, 10, Duration::ZERO);
        for (name, value) in query::pairs(query) {
            match name.as_str() {
                "target" if target.is_none() => target = Some(value),
                "max" => match value.parse() {
                    Ok(count) if (1..=PULL_MAX).contains(&count) => max = count,
                    _ => found.push(fault("/max", "a number from 1 to 100")),
                },
                "wait" => match value.parse::<units::Duration>() {
                    Ok(span) if span.std() <= WAIT_MAX => wait = span.std(),
                    _ => found.push(fault("/wait", "a time such as 30s, of at most 60s")),
                },
                _ => found.push(fault("", "one each of target, max and wait")),
            }
        }
        let target = target.filter(|target| is_target(target)).unwrap_or_else(|| {
            found.push(fault("/target", "an origin or a handle"));
            String::new()
        });
        if found.is_empty() {
            Ok(Self { target, max, wait })
        } else {
            Err(Failure::Argument(found))
        }
    }

    /// Leases envelopes, waiting for the first one.
    pub(crate) async fn answer(self, gateway: &Gateway) -> Result<Response, Failure> {
        let _place = gateway.pools.polls.place(Class::Ordinary, self.target.clone())?;
        let lease_ms = gateway.live.load().bounds.envelope_lease.std().as_millis();
        let message = wire::LeaseEnvelopesRequest {
            target: self.target,
            max: self.max,
            ttl_ms: u64::try_from(lease_ms).unwrap_or(u64::MAX),
            wait_ms: u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX),
        };
        let leased = tokio::select! {
            leased = gateway.registry.lease(message) => {
                leased.map_err(|error| error.failure())?.envelopes
            }
            // A subscriber must not hold the drain; it asks the next gateway.
            () = gateway.shutdown.triggered() => Vec::new(),
        };
        let shown: Vec<Value> = leased.iter().map(show).collect();
        Ok(reply::json(StatusCode::OK, &json!({"envelopes": shown})))
    }
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
        "envelope": document(leased),
    });
    if !leased.traceparent.is_empty() {
        shown["traceparent"] = json!(leased.traceparent);
    }
    shown
}

/// The envelope as it was sent. It was read by the same rule when it was accepted.
fn document(leased: &wire::LeasedEnvelope) -> Value {
    proto_types::json::parse_lossless(&leased.document).unwrap_or_else(|error| {
        tracing::error!(id = leased.id.as_str(), %error, "an accepted envelope cannot be read");
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
    match gateway.registry.ack(message).await {
        Ok(_) => Ok(reply::json(StatusCode::OK, &json!({"acknowledged": true}))),
        Err(Unanswered::Refused { code: Code::NotFound, .. }) => Err(Failure::NotFound),
        Err(Unanswered::Refused { code: Code::FailedPrecondition | Code::Aborted, .. }) => {
            Err(Failure::StaleLease)
        }
        Err(Unanswered::Refused { code: Code::InvalidArgument, .. }) => {
            Err(refused("an origin, an id and an epoch, each in its form"))
        }
        Err(error) => Err(error.failure()),
    }
}

fn is_target(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_pull_reads_its_query() {
        let pull = Pull::read(None, "target=https%3A%2F%2Fb.example&max=7&wait=30s").unwrap();
        let wait = Duration::from_secs(30);
        assert_eq!(pull, Pull { target: "https://b.example".to_owned(), max: 7, wait });
        let pull = Pull::read(Some("urn:a:b".to_owned()), "").unwrap();
        assert_eq!((pull.target.as_str(), pull.max, pull.wait), ("urn:a:b", 10, Duration::ZERO));
    }

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
            assert_eq!(not_enqueued(&refused), told, "{refused:?}");
        }
        let away = Unanswered::Away { code: Code::Unavailable, in_doubt: true };
        assert_eq!(not_enqueued(&away), Failure::RegistryAway);
    }

    #[test]
    fn each_fault_of_a_query_is_named() {
        for (query, place) in [
            ("max=0", "max"),
            ("max=101", "max"),
            ("max=x", "max"),
            ("wait=61s", "wait"),
            ("wait=30", "wait"),
            ("wait=-1s", "wait"),
            ("limit=1", ""),
            ("target=urn:c", ""),
        ] {
            let refused = Pull::read(Some("urn:a:b".to_owned()), query);
            let Err(Failure::Argument(found)) = refused else { panic!("{query}") };
            assert_eq!(found[0].field(), place, "{query}");
        }
        for query in ["", "target=", "target=a%20b", "target=a%0ab"] {
            assert!(Pull::read(None, query).is_err(), "{query}");
        }
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
