//! The other gateways of the origin, and requests that are handed to them.
//!
//! Decides where a gateway is, and what is told where it does not answer. Must never send a request twice, tell an answer that is
//! not that gateway's, nor hold a body: request and answer pass through as they come.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deploy_service::telemetry::chain;
use deploy_service::tls::{Connector, Role};
use deploy_service::{Place, Pool};
use futures_util::future::BoxFuture;
use gateway_core::nonce::Unusable;
use gateway_core::{Denial, Failure};
use http::uri::Authority;
use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use proto_types::{Class, GatewayId, Origin, Shares, WallMs};
use proto_wire::registry::v1 as wire;
use tokio::time::{Instant, timeout_at};

/// Requests that are handed on at once, of all peers; each has a connection. Half of what a gateway takes from one address.
const REQUESTS_MAX: u64 = 512;
/// The registry names no more gateways than this.
const NAMED_MAX: usize = 1_000;
/// How far the clocks of two gateways may be apart: a gateway warns of as much.
const SKEW_MS: u64 = 30_000;
/// A connection that has waited longer may be closed just when it is used: gateways close after 10 s.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Connections to one gateway that wait. Arbitrary.
const POOL_MAX: usize = 64;
/// What of an answer's head is about its connection (RFC 9110, section 7.6.1).
const OF_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "proxy-authenticate", "transfer-encoding", "upgrade"];

/// The gateways that are registered, and how they are called.
pub(crate) struct Others {
    http: Client<Connector, Body>,
    /// HTTP/2 alone.
    grpc: Client<Connector, Body>,
    known: ArcSwap<Known>,
    /// By the peer whose request it is.
    places: Pool<Origin>,
    pub(crate) handed_on: AtomicU64,
    pub(crate) unanswered: AtomicU64,
}

/// What the registry has told last.
#[derive(Debug, Default)]
struct Known {
    endpoints: BTreeMap<GatewayId, String>,
    /// When it was asked for, if it named all.
    whole_at: Option<WallMs>,
}

/// A request on its way to another gateway.
pub(crate) struct Outgoing {
    pub(crate) request: Request<Body>,
    pub(crate) is_grpc: bool,
    /// Of those that are handed on at once.
    pub(crate) place: Place<Origin>,
    /// When the answer has to have begun.
    pub(crate) until: Instant,
    /// Ends when this gateway has no more time for the answer.
    pub(crate) leaving: BoxFuture<'static, ()>,
}

impl Others {
    /// Connects to nobody yet. A gateway of the fleet shows what its operator has given it, in TLS or on loopback.
    pub(crate) fn new(connector: &Connector) -> Self {
        let connector = connector.clone().to(Role::Gateway);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE);
        builder.pool_max_idle_per_host(POOL_MAX);
        let http = builder.build(connector.clone().web());
        let grpc = builder.http2_only(true).build(connector);
        let places = Pool::new(Shares::new(REQUESTS_MAX).without_reserve());
        let (known, handed_on, unanswered) = Default::default();
        Self { http, grpc, known, places, handed_on, unanswered }
    }

    /// Takes over which gateways are registered, as it was asked for at `asked`.
    pub(crate) fn know(&self, asked: WallMs, told: &[wire::GatewayAddress]) {
        // A registry of an earlier version names none.
        if told.is_empty() {
            return;
        }
        let endpoint = |gateway: &wire::GatewayAddress| {
            let id = GatewayId::parse(&gateway.id).ok()?;
            Some((id, gateway.endpoint.trim_end_matches('/').to_owned()))
        };
        let endpoints = told.iter().filter_map(endpoint).collect();
        let whole_at = (told.len() < NAMED_MAX).then_some(asked);
        self.known.store(Arc::new(Known { endpoints, whole_at }));
    }

    /// Where a gateway is that gave a nonce before `until`.
    ///
    /// # Errors
    /// It is gone, or nobody knows.
    pub(crate) fn endpoint(&self, gateway: &GatewayId, until: WallMs) -> Result<String, Denial> {
        let known = self.known.load();
        if let Some(endpoint) = known.endpoints.get(gateway) {
            return Ok(endpoint.clone());
        }
        // It was registered before it gave a nonce, and is no more.
        let is_later = |asked: WallMs| asked > until.plus_ms(SKEW_MS);
        match known.whole_at.is_some_and(is_later) {
            true => Err(Denial::Nonce(Unusable::Gone)),
            false => Err(Denial::HolderAway),
        }
    }

    /// A place for a request of this peer.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn place(&self, peer: &Origin) -> Result<Place<Origin>, Failure> {
        self.places.place(Class::Ordinary, peer.clone()).map_err(Failure::from)
    }

    /// Sends a request, once; its answer, whatever it says.
    ///
    /// # Errors
    /// There is none: whether the token was spent, nobody knows.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Response, Failure> {
        let Outgoing { request, is_grpc, place, until, leaving } = outgoing;
        self.handed_on.fetch_add(1, Ordering::Relaxed);
        let uri = request.uri().clone();
        let client = if is_grpc { &self.grpc } else { &self.http };
        match timeout_at(until, client.request(request)).await {
            Ok(Ok(answer)) => {
                let (mut head, body) = answer.into_parts();
                drop_of_connection(&mut head.headers);
                let passed = Passed { body, leaving: Some(leaving), _place: place };
                let mut response = Response::new(Body::new(passed));
                *response.status_mut() = head.status;
                *response.headers_mut() = head.headers;
                Ok(response)
            }
            Ok(Err(error)) => Err(self.unanswered(uri.authority(), &chain(&error))),
            Err(_) => Err(self.unanswered(uri.authority(), "no answer in time")),
        }
    }

    fn unanswered(&self, gateway: Option<&Authority>, why: &str) -> Failure {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let gateway = gateway.map_or("", Authority::as_str);
        tracing::info!(gateway, why, "another gateway does not answer what it is handed");
        Failure::Denied(Denial::HolderAway)
    }
}

/// Takes out what is about the connection that a message came on.
fn drop_of_connection(headers: &mut HeaderMap) {
    for name in OF_CONNECTION {
        headers.remove(name);
    }
}

/// An answer that passes through.
struct Passed {
    body: Incoming,
    /// Until it is over.
    leaving: Option<BoxFuture<'static, ()>>,
    _place: Place<Origin>,
}

impl http_body::Body for Passed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(leaving) = &mut this.leaving else { return Poll::Ready(None) };
        if leaving.as_mut().poll(cx).is_ready() {
            this.leaving = None;
            return Poll::Ready(None);
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn address(id: &str) -> wire::GatewayAddress {
        let endpoint = format!("http://{id}.example:7443/");
        wire::GatewayAddress { id: id.to_owned(), endpoint }
    }

    #[tokio::test]
    async fn a_gateway_is_gone_if_a_later_list_of_all_does_not_name_it_and_in_doubt_else() {
        let (others, until) = (Others::new(&Connector::plain()), WallMs(1_000_000));
        let id = |name: &str| GatewayId::parse(name).unwrap();
        let find = |name: &str| others.endpoint(&id(name), until);
        assert_eq!(find("g1"), Err(Denial::HolderAway), "nothing is known yet");
        others.know(until.plus_ms(SKEW_MS), &[address("g1")]);
        assert_eq!(find("g1"), Ok("http://g1.example:7443".to_owned()));
        assert_eq!(find("g2"), Err(Denial::HolderAway), "it may have come since");
        others.know(until.plus_ms(SKEW_MS + 1), &[address("g1")]);
        assert_eq!(find("g2"), Err(Denial::Nonce(Unusable::Gone)));
        others.know(until.plus_ms(SKEW_MS + 2), &[]);
        assert_eq!(find("g1"), Ok("http://g1.example:7443".to_owned()), "it names none");
        let many: Vec<_> = (0..NAMED_MAX).map(|at| address(&format!("h{at}"))).collect();
        others.know(until.plus_ms(SKEW_MS + 3), &many);
        assert_eq!(find("g2"), Err(Denial::HolderAway), "there may be more");
    }

    #[tokio::test]
    async fn one_peer_has_not_all_places() {
        let others = Others::new(&Connector::plain());
        let peer = |name: &str| Origin::parse(&format!("https://{name}.example")).unwrap();
        let taken: Vec<_> =
            std::iter::from_fn(|| others.place(&peer("a")).ok()).take(1_000).collect();
        assert_eq!(taken.len(), 256);
        assert_eq!(others.place(&peer("a")).unwrap_err(), Failure::ShareReached);
        assert!(others.place(&peer("b")).is_ok());
    }
}
