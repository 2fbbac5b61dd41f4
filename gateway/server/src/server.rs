//! The request path.
//!
//! Decides the order of the layers, and nothing else: each layer is decided where it is named. Must
//! never let anything reach a node, a queue or a task without a token that is spent for it: before, or in the one proposal
//! that lets it in. Who is no peer has no token: it is let in by what the operator has configured, and counted.

mod access;
mod admission;
mod body;
mod calls;
mod cards;
mod elsewhere;
mod front;
mod local;
mod mesh;
mod readers;
mod relayed;
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
use gateway_core::{Denial, Failure, Permit};
use http::request::Parts;
use http::{HeaderName, Method, Request};
use proto_types::Digest;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt as _;

use crate::gateway::Gateway;
use crate::{envelopes, grpc};

use self::access::Access;
use self::admission::Admission;
use self::seen::Seen;
use self::work::{Admitted, Work};

/// On top of the wait for a task: what a continued one asks of the registry, each with its own deadline. It is read (5 s) and
/// written (8 s), and at the end of the wait read twice more.
const HANDLER_GRACE: Duration = Duration::from_secs(25);

/// Answers one request. Every failure is mapped here, once.
pub(crate) async fn answer(gateway: Arc<Gateway>, mut request: Request<Body>) -> Response {
    let span = Span::server("request", &request);
    let handed_on = gateway.fleet.client(request.headers());
    let address = handed_on.unwrap_or_else(|| client(&request));
    // For whoever is told further on where the request comes from.
    request.extensions_mut().insert(ClientAddress(address));
    let reader = reader(&request);
    let (access, request) = match gateway.fixed.logs_access {
        true => {
            let (access, request) = Access::begin(request);
            (Some(access), request)
        }
        false => (None, request),
    };
    let mut seen = Seen::new(address, reader, access);
    seen.is_handed_on = handed_on.is_some();
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
    // tells it, and believes no header about it but a trusted proxy's; a gateway of the fleet is believed by its mark.
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
        // Who brings the envelopes of others is no peer, and has no token that is spent.
        Route::Publish if gateway.fixed.relays.are_shown(request.headers()) => {
            Box::pin(relayed::answer(gateway, request, seen)).await
        }
        Route::InstanceRpc
        | Route::AgentRpc(_)
        | Route::HttpJson(_)
        | Route::Grpc(_)
        | Route::Publish => Box::pin(admitted(gateway, &route, request, seen)).await,
        // Cards are for everybody, and more of them for whom a token speaks.
        Route::InstanceCard => cards::answer(gateway, None, &request.into_parts().0, seen).await,
        Route::AgentCard(handle) => {
            cards::answer(gateway, Some(&handle), &request.into_parts().0, seen).await
        }
        Route::MeshAgents => Box::pin(mesh::agents(gateway, request, seen)).await,
        // Documents for everybody, and what local operators and subscribers ask.
        route => local::answer(gateway, route, request).await,
    }
}

/// The layers of a request that somebody must be let in for; where that is a peer, its token must pay for it.
async fn admitted(
    gateway: &Arc<Gateway>,
    route: &Route,
    request: Request<Body>,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    // The way it came: whoever knows another one is not heard. The gateway that hands a request on has looked.
    if !seen.is_handed_on {
        front::check(gateway, &parts.headers)?;
    }
    // Sizes, by what the client states: refused before a byte is buffered.
    let limit = bytes_max(gateway, route);
    let until = check_head(&parts, route, limit)?;
    // The credential and what it is worth, cheapest check first; never by a cache nobody confirms.
    let admission = admission(gateway, route, &parts, seen)?;
    // A token that is bound to another gateway is spent there; there its peer's limit counts, and all that follows.
    if let Some(permit) = admission.elsewhere() {
        let within = (deadline(gateway, until), until);
        return Box::pin(elsewhere::answer(gateway, permit, (parts, body), within, seen)).await;
    }
    // Load that would make every call slow.
    admission.check_load(gateway)?;
    // The caller's own limit: last of what needs no registry.
    admission.check_limit(gateway, seen)?;
    // The body, bounded and paced.
    let body = read_body(route, body, limit).await?;
    carried_out(gateway, route, Admitted { parts, admission, body, until }, seen).await
}

/// The layers of a request that has its body, and somebody that was let in for it.
async fn carried_out(
    gateway: &Arc<Gateway>,
    route: &Route,
    admitted: Admitted,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    // While its body came, its caller may have ceased to be let in.
    gateway.check_caller(&admitted.admission.caller())?;
    // A token may be bound to the body.
    if let Some(permit) = admitted.admission.permit() {
        check_binding(gateway, &admitted.parts, permit, &admitted.body)?;
    }
    // What is malformed costs no token. Of a client the operator lists what it may call.
    let work = Work::read(gateway, route, &admitted, seen)?;
    // Single use of a peer's token, last of all: from here on the request counts. Each way to spend a token has a deadline of
    // its own.
    let paid = Box::pin(work.pay(gateway, &admitted, seen)).await?;
    // The handler, within its deadline and its caller's.
    let deadline = deadline(gateway, admitted.until);
    let answered = timeout_at(deadline, paid.carry_out(gateway, &admitted)).await;
    answered.unwrap_or(Err(Failure::Deadline))
}

/// When what begins now has to have an answer, whose caller waits until then.
fn deadline(gateway: &Gateway, until: Option<Instant>) -> Instant {
    let patience = Instant::now() + gateway.patience();
    let deadline = patience.max(gateway.upstreams.deadline()) + HANDLER_GRACE;
    until.map_or(deadline, |until| until.min(deadline))
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

/// By whom the request is made: envelopes are peers' alone.
fn admission(
    gateway: &Gateway,
    route: &Route,
    parts: &Parts,
    seen: &Seen,
) -> Result<Admission, Failure> {
    let admission = match route {
        Route::Publish => Admission::of_peer(gateway, &parts.headers),
        _ => Admission::of_call(gateway, &parts.headers, seen.address),
    }?;
    if admission.permit().is_some() {
        front::check_network(gateway, seen.address)?;
    }
    Ok(admission)
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
