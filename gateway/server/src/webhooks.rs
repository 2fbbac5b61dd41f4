//! The webhooks: envelopes are leased, POSTed to their receivers, and acknowledged or put off. A peer is one too.
//!
//! Decides what a webhook is sent, and when a receiver is left alone. Must never deliver what it has not leased; how that is
//! leased, and what is told of it, `deliver.rs` says, and what a peer is sent `forward.rs`.
//!
//! Every gateway with the same webhook takes part: a lease makes each envelope one's at a time. One that stops begins
//! nothing new; what it had leased comes back when the lease ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use deploy_service::secret::{self, Secret};
use futures_util::{StreamExt as _, stream};
use gateway_core::webhook::{Breaker, Verdict, signature};
use http::header::{CONTENT_TYPE, InvalidHeaderValue, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use proto_types::{Origin, QueueName};
use proto_wire::registry::v1 as wire;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::deliver::{PAUSE, Retry, TIMEOUT, lease, tell};
use crate::envelopes::TRACEPARENT;
use crate::gateway::Gateway;
use crate::refusals::Paced;
use crate::upstream::{AGENT, JSON};
use crate::{Error, clock, envelopes, forward};

/// Deliveries of one webhook at once: each holds an envelope of up to 1 MiB.
const AT_ONCE: u32 = 8;

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
    receiver: Receiver,
    attempts_max: u32,
    breaker: Mutex<Breaker>,
    /// Of deliveries that failed.
    lines: Mutex<Paced>,
}

/// Who takes them.
#[derive(Debug)]
enum Receiver {
    /// A server that knows a secret of ours.
    Webhook { uri: Uri, secret: Secret },
    /// A peer, where it takes envelopes in.
    Peer(Origin),
}

/// With so many failed attempts an envelope for a peer is a dead letter: after 5 hours on average, as by default of a webhook.
const PEER_ATTEMPTS_MAX: u32 = 22;

/// The same for peers, each of which is the target of its envelopes.
pub(crate) fn to_peers(peers: &[Origin]) -> Vec<Webhook> {
    let to_peer = |peer: &Origin| Webhook {
        target: QueueName::parse(peer.as_str()).expect("an origin is short and visible ASCII"),
        receiver: Receiver::Peer(peer.clone()),
        attempts_max: PEER_ATTEMPTS_MAX,
        breaker: Mutex::default(),
        lines: Mutex::default(),
    };
    peers.iter().map(to_peer).collect()
}

/// Reads what is configured, with the secrets.
pub(crate) fn open(config: &Config) -> Result<Vec<Webhook>, Error> {
    let open = |webhook: &crate::config::Webhook| -> Result<Webhook, Error> {
        let (target, url) = webhook.read()?;
        let secret = secret::read(&webhook.secret_file)?;
        let uri = Uri::try_from(url.as_str()).expect("config.rs refuses what is no URL");
        let (attempts_max, breaker) = (webhook.attempts_max, Mutex::default());
        let receiver = Receiver::Webhook { uri, secret };
        Ok(Webhook { target, receiver, attempts_max, breaker, lines: Mutex::default() })
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
        if let Receiver::Peer(peer) = &self.receiver
            && !forward::is_callable(gateway, peer)
        {
            return Some(PAUSE);
        }
        match lease(gateway, &self.target, room).await {
            Ok(leased) => {
                let deliver = |one| self.deliver(gateway, one);
                stream::iter(leased).for_each_concurrent(AT_ONCE as usize, deliver).await;
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
        let has_answered = sent.is_ok();
        let (verdict, reason) = match sent {
            Ok(status) => (Verdict::of_status(status), format!("the receiver answered {status}")),
            Err(reason) => (Verdict::Unavailable, reason),
        };
        // A peer that answers is there: what it refuses of one source holds up no other. Each is put off all the same.
        let is_there = has_answered && matches!(self.receiver, Receiver::Peer(_));
        let counted = match verdict {
            Verdict::Unavailable if is_there => Verdict::Refused,
            verdict => verdict,
        };
        self.note(counted, &reason);
        let retry = Retry { attempts_max: self.attempts_max, after_ms: 0 };
        tell(gateway, (leased, &gateway.counts.deliveries), (verdict, reason), retry).await;
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
        let request = match &self.receiver {
            Receiver::Webhook { uri, secret } => {
                let body = envelopes::show(leased).to_string();
                let headers = headers(secret, leased, body.as_bytes());
                let headers = headers.map_err(|_| "an id that no header can carry".to_owned())?;
                posted(uri.clone(), headers, body.into())
            }
            Receiver::Peer(peer) => {
                let (uri, headers) = forward::head(gateway, peer, leased).await?;
                posted(uri, headers, leased.document.clone())
            }
        };
        gateway.upstreams.deliver(request, Instant::now() + TIMEOUT).await
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn posted(uri: Uri, headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

fn headers(
    secret: &Secret,
    leased: &wire::LeasedEnvelope,
    body: &[u8],
) -> Result<HeaderMap, InvalidHeaderValue> {
    let signed = signature(secret.expose().as_bytes(), clock::wall().secs(), body);
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
