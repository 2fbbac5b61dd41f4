//! The webhooks: envelopes are leased, POSTed to their receivers, and acknowledged or put off.
//!
//! Decides nothing about answers and pauses, which `gateway_core::webhook` does. Must never deliver what it has not leased,
//! nor acknowledge what no receiver has taken; a receiver may see an envelope twice, where an acknowledgement is lost.
//!
//! Every gateway with the same webhook takes part: a lease makes each envelope one's at a time. One that stops begins
//! nothing new; what it had leased comes back when the lease ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deploy_service::secret::{self, Secret};
use futures_util::{StreamExt as _, stream};
use gateway_core::webhook::{Breaker, Verdict, retry_in_ms, signature};
use http::header::{CONTENT_TYPE, InvalidHeaderValue, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use proto_types::QueueName;
use proto_wire::registry::v1 as wire;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::envelopes::TRACEPARENT;
use crate::gateway::Gateway;
use crate::refusals::Paced;
use crate::registry::Unanswered;
use crate::secrets::draw;
use crate::upstream::{AGENT, JSON};
use crate::{Error, clock, envelopes};

/// Deliveries of one webhook at once: each holds an envelope of up to 1 MiB.
const AT_ONCE: u32 = 8;
/// How long a receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A delivery and the word to the registry about it, which takes 8 s at most, and some.
const LEASE_MS: u64 = 30_000;
/// How long the registry waits for the first envelope.
const WAIT_MS: u64 = 20_000;
/// From a call that the registry did not answer to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// When it was signed, and by whom.
const SIGNATURE: HeaderName = HeaderName::from_static("ecumene-signature");
/// The id of the envelope: the same comes again with it.
const ENVELOPE_ID: HeaderName = HeaderName::from_static("ecumene-envelope-id");
/// Its correlation id.
const CORRELATION_ID: HeaderName = HeaderName::from_static("ecumene-correlation-id");

/// Where the envelopes of one target are taken to.
#[derive(Debug)]
pub(crate) struct Webhook {
    target: QueueName,
    uri: Uri,
    secret: Secret,
    attempts_max: u32,
    breaker: Mutex<Breaker>,
    /// Of deliveries that failed.
    lines: Mutex<Paced>,
}

/// How deliveries ended.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pub(crate) taken: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// Reads what is configured, with the secrets.
pub(crate) fn open(config: &Config) -> Result<Vec<Webhook>, Error> {
    let open = |webhook: &crate::config::Webhook| -> Result<Webhook, Error> {
        let (target, url) = webhook.read()?;
        let secret = secret::read(&webhook.secret_file)?;
        let uri = Uri::try_from(url.as_str()).expect("config.rs refuses what is no URL");
        let (attempts_max, breaker) = (webhook.attempts_max, Mutex::default());
        Ok(Webhook { target, uri, secret, attempts_max, breaker, lines: Mutex::default() })
    };
    config.webhooks.iter().map(open).collect()
}

/// Delivers until the gateway stops. Each webhook is a task of its own, which ends with this one: signing a large envelope holds
/// up neither another webhook nor the cache.
pub(crate) async fn work(gateway: Arc<Gateway>, webhooks: Vec<Webhook>) {
    let mut working = JoinSet::new();
    for webhook in webhooks {
        let gateway = Arc::clone(&gateway);
        working.spawn(async move { webhook.work(&gateway).await });
    }
    // A panic in one is logged by the runtime; the others go on.
    while working.join_next().await.is_some() {}
}

impl Webhook {
    async fn work(&self, gateway: &Gateway) {
        while !gateway.shutdown.is_triggered() {
            let room = self.breaker().room(clock::mono(), AT_ONCE);
            let pause = match room {
                Ok(room) => self.round(gateway, room).await,
                Err(until) => Some(Duration::from_micros(until.since(clock::mono()))),
            };
            let Some(pause) = pause else { continue };
            tokio::select! {
                () = sleep(pause) => {}
                () = gateway.shutdown.triggered() => return,
            }
        }
    }

    /// Leases up to `room` envelopes and delivers them at once. Says how long to wait if there is no registry.
    async fn round(&self, gateway: &Gateway, room: u32) -> Option<Duration> {
        let message = wire::LeaseEnvelopesRequest {
            target: self.target.to_string(),
            max: room,
            ttl_ms: LEASE_MS,
            wait_ms: WAIT_MS,
        };
        let leased = tokio::select! {
            biased;
            () = gateway.shutdown.triggered() => return None,
            leased = gateway.registry.lease(message) => leased,
        };
        match leased {
            Ok(leased) => {
                let delivering = stream::iter(leased.envelopes);
                let deliver = |one| self.deliver(gateway, one);
                delivering.for_each_concurrent(AT_ONCE as usize, deliver).await;
                None
            }
            Err(error) => {
                let queue = self.target.as_str();
                tracing::warn!(queue, %error, "a webhook hears of no envelopes");
                Some(PAUSE)
            }
        }
    }

    async fn deliver(&self, gateway: &Gateway, leased: wire::LeasedEnvelope) {
        let sent = self.post(gateway, &leased).await;
        let (verdict, reason) = match sent {
            Ok(status) => (Verdict::of_status(status), format!("the receiver answered {status}")),
            Err(reason) => (Verdict::Unavailable, reason),
        };
        self.note(verdict, &reason);
        let (id, queue) = (leased.id.clone(), self.target.as_str());
        let told = match verdict {
            Verdict::Taken => {
                gateway.deliveries.taken.fetch_add(1, Ordering::Relaxed);
                acknowledge(gateway, leased).await
            }
            Verdict::Gone | Verdict::Refused | Verdict::Unavailable => {
                gateway.deliveries.failed.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(queue, %id, %reason, "an envelope is not delivered");
                let attempts_max = if verdict == Verdict::Gone { 1 } else { self.attempts_max };
                fail(gateway, leased, reason, attempts_max).await
            }
        };
        if let Err(error) = told {
            // It comes again when its lease has ended.
            tracing::warn!(queue, %id, %error, ?verdict, "the registry hears of no delivery");
        }
    }

    /// Counts for or against the receiver, and tells the operator what failed: each kind once a second, and nothing of the
    /// envelope.
    fn note(&self, verdict: Verdict, reason: &str) {
        let (now, queue) = (clock::mono(), self.target.as_str());
        let (kind, left_alone_us) = match verdict {
            Verdict::Taken => return self.breaker().succeeded(),
            Verdict::Gone => ("gone", None),
            Verdict::Refused => ("refused", None),
            Verdict::Unavailable => ("unavailable", self.breaker().failed(now)),
        };
        if verdict != Verdict::Unavailable {
            self.breaker().succeeded();
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.line(kind, now);
        drop(lines);
        if let Some(unsaid) = line {
            tracing::warn!(queue, reason, unsaid, "a webhook does not deliver");
        }
        if let Some(pause_us) = left_alone_us {
            let pause = Duration::from_micros(pause_us);
            tracing::warn!(queue, reason, ?pause, "the receiver of a webhook is left alone");
        }
    }

    /// The status of the receiver's answer, or why there is none.
    async fn post(&self, gateway: &Gateway, leased: &wire::LeasedEnvelope) -> Result<u16, String> {
        let body = envelopes::show(leased).to_string();
        let headers = self.headers(leased, body.as_bytes());
        let headers = headers.map_err(|_| "an id that no header can carry".to_owned())?;
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        gateway.upstreams.deliver(request, Instant::now() + TIMEOUT).await
    }

    fn headers(
        &self,
        leased: &wire::LeasedEnvelope,
        body: &[u8],
    ) -> Result<HeaderMap, InvalidHeaderValue> {
        let signed = signature(self.secret.expose().as_bytes(), clock::wall().secs(), body);
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, AGENT);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(SIGNATURE, signed.try_into()?);
        headers.insert(ENVELOPE_ID, HeaderValue::from_str(&leased.id)?);
        headers.insert(CORRELATION_ID, HeaderValue::from_str(&leased.correlation)?);
        // The registry takes other texts of other senders: an envelope is not undeliverable for that.
        if let (false, Ok(trace)) =
            (leased.traceparent.is_empty(), HeaderValue::from_str(&leased.traceparent))
        {
            headers.insert(TRACEPARENT, trace);
        }
        Ok(headers)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn acknowledge(gateway: &Gateway, leased: wire::LeasedEnvelope) -> Result<(), Unanswered> {
    let wire::LeasedEnvelope { target, source, id, epoch, .. } = leased;
    gateway.registry.ack(wire::AckEnvelopeRequest { target, source, id, epoch }).await.map(drop)
}

async fn fail(
    gateway: &Gateway,
    leased: wire::LeasedEnvelope,
    reason: String,
    attempts_max: u32,
) -> Result<(), Unanswered> {
    let retry_in_ms = retry_in_ms(leased.failures, draw());
    let wire::LeasedEnvelope { target, source, id, epoch, .. } = leased;
    let message =
        wire::FailEnvelopeRequest { target, source, id, epoch, reason, retry_in_ms, attempts_max };
    gateway.registry.fail(message).await.map(drop)
}
