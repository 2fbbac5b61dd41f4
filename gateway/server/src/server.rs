//! The request path.
//!
//! Decides the order of the layers, and nothing else: each layer is decided where it is named. Must
//! never let anything reach a node, a queue or a task without a token that is spent for it: before, or in the one proposal
//! that lets it in.

mod body;
mod calls;
mod cards;
mod local;
mod seen;
mod work;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deploy_service::ClientAddress;
use deploy_service::trace::Span;
use gateway_core::errors::Reader;
use gateway_core::path::{Method as Answers, Route};
use gateway_core::{Credential, Denial, Failure, Permit, admit};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Request};
use proto_types::Digest;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt as _;

use crate::charger::Bearer;
use crate::gateway::Gateway;
use crate::{clock, envelopes, grpc};

use self::seen::Seen;
use self::work::{Admitted, Work};

/// On top of the wait for a task: what a continued one asks of the registry, each with its own deadline. It is read (5 s) and
/// written (8 s), and at the end of the wait read twice more.
const HANDLER_GRACE: Duration = Duration::from_secs(25);

/// Answers one request. Every failure is mapped here, once.
pub(crate) async fn answer(gateway: Arc<Gateway>, request: Request<Body>) -> Response {
    let span = Span::server("request", &request);
    let mut seen = Seen::new(client(&request), reader(&request));
    let answered = span.scope(Box::pin(layers(&gateway, request, &mut seen))).await;
    let response = span.within(|| seen.conclude(&gateway, &span, answered));
    span.until_sent(response)
}

/// The layers, in order.
async fn layers(
    gateway: &Arc<Gateway>,
    request: Request<Body>,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    // One reading of the path, or none: what follows must not be argued about by proxies. Pages may read refusals, too, and
    // callers have them in the form that their route speaks.
    let route =
        Route::find(request.uri().path(), route_method(request.method())).map_err(Failure::Path);
    if let Ok(Some(route)) = &route {
        seen.cors = gateway.live.load().cors.grant(route, request.headers());
        seen.enter(route, request.headers());
    }
    // Connections, header and idle timers, sizes of headers and URL: deploy-service, before us.
    // The address: whoever sends junk must not get a signature check for each piece of it. The listener
    // tells it, and believes no header about it but a trusted proxy's.
    gateway.live.load().addresses.check(seen.address).map_err(Failure::AddressLimit)?;
    // Other services than A2A's: nodes push events, each with the secret of its task, and anybody asks what is served.
    if grpc::is_grpc(request.headers()) && !matches!(route, Ok(Some(Route::Grpc(_)))) {
        seen.route = grpc::route(request.uri().path());
        return gateway.grpc.clone().oneshot(request).await.map_err(|never| match never {});
    }
    let route = route?.ok_or(Failure::NotFound)?;
    // Pages in browsers ask before they call, and read only what they are told they may.
    if let Some(allowed) = seen.preflight(&request) {
        return Ok(allowed);
    }
    check_method(&route, request.method())?;
    by_route(gateway, route, request, seen).await
}

/// The layers that differ from route to route.
async fn by_route(
    gateway: &Arc<Gateway>,
    route: Route,
    request: Request<Body>,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    match route {
        Route::InstanceRpc
        | Route::AgentRpc(_)
        | Route::HttpJson(_)
        | Route::Grpc(_)
        | Route::Publish => Box::pin(federated(gateway, &route, request, seen)).await,
        // Cards are for everybody, and more of them for whom a token speaks.
        Route::InstanceCard => cards::answer(gateway, None, &request.into_parts().0, seen).await,
        Route::AgentCard(handle) => {
            cards::answer(gateway, Some(&handle), &request.into_parts().0, seen).await
        }
        // Documents for everybody, and what local operators and subscribers ask.
        route => local::answer(gateway, route, request).await,
    }
}

/// The layers of a request that a peer's token must pay for.
async fn federated(
    gateway: &Arc<Gateway>,
    route: &Route,
    request: Request<Body>,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    // Sizes, by what the client states: refused before a byte is buffered.
    let limit = bytes_max(gateway, route);
    let until = check_head(&parts, route, limit)?;
    // The credential and what it is worth, cheapest check first; never by a cache nobody confirms.
    let (permit, epoch) = permit(gateway, &parts.headers)?;
    // The peer's own limit: last of what needs no registry.
    check_peer(gateway, &permit, epoch, seen)?;
    // The body, bounded and paced; a token may be bound to it.
    let body = read_body(route, body, limit).await?;
    let admitted = Admitted { parts, permit, epoch, body, until };
    check_binding(gateway, &admitted.parts, &admitted.permit, &admitted.body)?;
    // What is malformed costs no token.
    let work = Work::read(gateway, route, &admitted, seen)?;
    // Single use, last of all: from here on the request counts. Each way to spend a token has a deadline of its own.
    let paid = Box::pin(work.pay(gateway, &admitted, seen)).await?;
    // The handler, within its deadline and its caller's.
    let patience = Instant::now() + gateway.patience();
    let deadline = patience.max(gateway.upstreams.deadline()) + HANDLER_GRACE;
    let deadline = until.map_or(deadline, |until| until.min(deadline));
    let answered = timeout_at(deadline, paid.carry_out(gateway, &admitted)).await;
    answered.unwrap_or(Err(Failure::Deadline))
}

fn bytes_max(gateway: &Gateway, route: &Route) -> u64 {
    match route {
        Route::Publish => envelopes::BYTES_MAX,
        _ => gateway.call_bytes_max(),
    }
}

async fn read_body(route: &Route, body: Body, limit: u64) -> Result<Bytes, Failure> {
    match route {
        Route::Grpc(_) => grpc::read_body(body, limit).await,
        _ => body::read(body, limit).await,
    }
}

/// Checks what is stated of the body, by what the route takes; until when the caller waits, where it can say so.
fn check_head(parts: &Parts, route: &Route, limit: u64) -> Result<Option<Instant>, Failure> {
    match route {
        Route::Grpc(_) => {
            body::check_length(parts, limit)?;
            grpc::check_head(parts)?;
            return grpc::deadline(&parts.headers);
        }
        // What a path alone can say needs no body.
        Route::HttpJson(endpoint) => body::check_head(parts, limit, endpoint.needs_body())?,
        _ => body::check_head(parts, limit, true)?,
    }
    Ok(None)
}

fn check_peer(
    gateway: &Gateway,
    permit: &Permit,
    epoch: u64,
    seen: &mut Seen,
) -> Result<(), Failure> {
    seen.bearer = Some(Bearer::of(permit, epoch));
    let policy = gateway.peer_policy(&permit.peer);
    let left = permit.peer.cell.check(clock::mono(), policy.quota);
    seen.limit = Some((policy, left));
    left.map(drop).map_err(Failure::PeerLimit)
}

/// What the credential is worth, and the cluster epoch that says so.
fn permit(gateway: &Gateway, headers: &HeaderMap) -> Result<(Permit, u64), Failure> {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let credential = Credential::find(headers).map_err(Failure::Credential)?;
    let epoch = gateway.cache.epoch();
    if !gateway.cache.is_fresh() {
        return Err(Failure::RegistryAway);
    }
    let peers = gateway.cache.peers.load();
    let admitted = admit(&peers, &gateway.admission, credential, clock::wall());
    admitted.map(|permit| (permit, epoch)).map_err(Failure::Denied)
}

/// A token may say which request it is for; then it is for no other.
fn check_binding(
    gateway: &Gateway,
    parts: &Parts,
    permit: &Permit,
    body: &[u8],
) -> Result<(), Failure> {
    let claims = &permit.claims;
    // Most tokens say nothing of the body, and its digest costs more than their check.
    let digest = claims.bd.map_or(Digest([0; 32]), |_| Digest::of(body));
    let url = format!("{}{}", gateway.admission.audience.as_str(), parts.uri.path());
    let bound = claims.check_request(parts.method.as_str(), &url, &digest);
    bound.map_err(|refusal| Failure::Denied(Denial::Token(refusal)))
}

/// A method as routes know it: what does not read acts.
fn route_method(method: &Method) -> Answers {
    match *method {
        Method::GET | Method::HEAD => Answers::Get,
        _ => Answers::Post,
    }
}

fn check_method(route: &Route, method: &Method) -> Result<(), Failure> {
    let methods = route.methods();
    if methods.contain(method.as_str()) { Ok(()) } else { Err(Failure::Method(methods)) }
}

fn reader(request: &Request<Body>) -> Reader {
    Reader::of(request.uri().path(), request.headers().keys().map(HeaderName::as_str))
}

fn client(request: &Request<Body>) -> IpAddr {
    let told = request.extensions().get::<ClientAddress>();
    // deploy-service always says; if it did not, all would share one limit.
    told.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ClientAddress(address)| *address)
}
