//! What happens to every request before a role sees it.
//!
//! It decides sizes of what hyper has parsed: hyper's own bound is a buffer, which lets a little
//! more through; and it refuses what would hold more memory than its client may. It says
//! which source a request counts for. It never reads a body, nor of the headers more than where a request comes from, how it
//! is framed and whether it names its host.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER},
    },
    response::Response,
};
use http_body::Body as _;
use hyper::{Request, body::Incoming, service::service_fn};
use proto_types::{Code, Full, metadata::CODE_KEY};
use tower::{Service, ServiceExt};

use crate::listen::Marks;
use crate::proxies::{Proxies, Remote};
use crate::{ClientAddress, ClientIdentity, Shutdown, Source};

use super::{
    Limits,
    answer::Answer,
    host,
    in_flight::{InFlight, Ticket},
    memory::{Claim, Connection},
    metered::Metered,
    unread::{self, Unread, is_passed},
};

/// A role's service with what stands before it.
#[derive(Clone)]
pub(super) struct Edge<S> {
    pub(super) service: S,
    pub(super) in_flight: InFlight,
    pub(super) limits: Limits,
    /// The wish to stop.
    pub(super) shutdown: Shutdown,
    /// Who is believed about its clients.
    pub(super) proxies: Proxies,
    /// What the role adds to refusals.
    pub(super) marks: Marks,
}

impl<S> Edge<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// What one connection may hold. A proxy's carries many clients, of whom each has the share of its source.
    pub(super) fn held_max(&self, remote: Remote) -> u64 {
        match remote.is_proxy {
            true => u64::MAX,
            false => self.limits.memory_per_connection_max.count(),
        }
    }

    /// The service of one connection, whose client may have proved who it is.
    pub(super) fn for_client(
        &self,
        remote: Remote,
        identity: Option<ClientIdentity>,
        connection: Arc<Connection>,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = Response<Answer>,
        Error = Infallible,
        Future: Send + 'static,
    > + Send
    + use<S> {
        let edge = self.clone();
        service_fn(move |mut request| {
            let client = ClientAddress(edge.proxies.client_address(remote, request.headers()));
            let claim = connection.claim(Source::of(client.0));
            know(request.extensions_mut(), client, identity.clone(), &claim);
            let full = connection.is_full();
            edge.clone().answer(request, claim, full)
        })
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        claim: Claim,
        full: bool,
    ) -> Result<Response<Answer>, Infallible> {
        let ticket = self.in_flight.enter();
        claim.count(headers_bytes(request.headers()));
        let may_read = unread::may_read(request.headers());
        let is_http1 = request.version() <= Version::HTTP_11;
        let refuses = self.refuses(&request);
        let refusal = self.refusal(&request).map(|refused| refuses.mark(refused));
        let refusal = refusal.or_else(|| full.then(|| refuses.over(Full::Share)));
        let (request, unread) = Unread::watch(prepare(request, &claim, &self.limits));
        let response = match refusal {
            Some(refused) => {
                drop(request);
                refused
            }
            None => self.service.oneshot(request).await?,
        };
        // A body that held too much was an error to the service, which does not know why.
        let mut response = claim.refused().map_or(response, |full| refuses.over(full));
        // The rest of the body stands where the next request would begin; and a process that stops takes none here.
        if is_http1 && (self.shutdown.is_triggered() || !is_passed(unread, may_read).await) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(counted(response, claim, ticket, &refuses).await)
    }

    fn refuses(&self, request: &Request<Incoming>) -> Refuses {
        let marks = self.marks.of(request.uri(), request.headers());
        Refuses { is_grpc: is_grpc(request.headers()), marks }
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Response> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target as u64 > self.limits.uri_bytes_max.count() {
            return Some(problem(Code::UriTooLong));
        }
        if headers_bytes(request.headers()) > self.limits.headers_bytes_max.count() {
            return Some(problem(Code::HeaderTooLarge));
        }
        if has_two_readings(request.headers()) {
            return Some(problem(Code::FramingAmbiguous));
        }
        if !host::is_named(request.version(), request.headers()) {
            let mut refused = problem(Code::HostInvalid);
            // A proxy before us may have another host in mind, of which the rest would be.
            refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Some(refused);
        }
        None
    }
}

/// How a request is refused here.
struct Refuses {
    is_grpc: bool,
    marks: HeaderMap,
}

impl Refuses {
    fn over(&self, full: Full) -> Response {
        self.mark(over(full, self.is_grpc))
    }

    fn mark(&self, mut refused: Response) -> Response {
        refused.headers_mut().extend(self.marks.clone());
        refused
    }
}

/// An answer whose bytes count, or the refusal of one that was too much.
async fn counted(
    response: Response,
    claim: Claim,
    ticket: Ticket,
    refuses: &Refuses,
) -> Response<Answer> {
    let (parts, body) = response.into_parts();
    match Answer::new(body, claim.of_answer(), ticket.again()).await {
        Ok(body) => Response::from_parts(parts, body),
        Err(full) => {
            refuses.over(full).map(|body| Answer::uncounted(body, claim.of_answer(), ticket))
        }
    }
}

/// Adds what is known of the client before its request is looked at.
fn know(
    known: &mut Extensions,
    client: ClientAddress,
    identity: Option<ClientIdentity>,
    claim: &Claim,
) {
    known.insert(client);
    known.insert(claim.source());
    known.insert(claim.clone());
    if let Some(identity) = identity {
        known.insert(identity);
    }
}

/// The body of a request that has none to be read is not kept for it.
fn prepare(request: Request<Incoming>, claim: &Claim, limits: &Limits) -> Request<Body> {
    let (parts, body) = request.into_parts();
    let body = match parts.method {
        _ if body.is_end_stream() => Body::empty(),
        // Over HTTP/1 the next request stands behind it.
        Method::GET | Method::HEAD if parts.version > Version::HTTP_11 => Body::empty(),
        _ => Body::new(Metered::new(body, is_grpc(&parts.headers), claim.clone(), limits)),
    };
    Request::from_parts(parts, body)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// The refusal of what would hold too much memory; another one may fit when something has been read or answered.
fn over(full: Full, is_grpc: bool) -> Response {
    let code = Code::from(full);
    if is_grpc {
        return exhausted(code.as_str());
    }
    let mut response = problem(code);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// RESOURCE_EXHAUSTED without a message, as gRPC over HTTP/2 encodes it ("Trailers-Only").
fn exhausted(code: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static("8"));
    headers.insert("grpc-message", HeaderValue::from_static(code));
    headers.insert(CODE_KEY, HeaderValue::from_static(code));
    response
}

/// Names, values and the four bytes that separate them on a line of HTTP/1.1.
fn headers_bytes(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64).sum()
}

/// Options of `Connection` that are about the connection (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 6] = ["close", "keep-alive", "te", "upgrade", "http2-settings", "trailer"];

/// Headers that say who calls, or frame a message: an underscore must not make a second one.
const TOLD_APART: [&str; 6] = [
    "content-length",
    "transfer-encoding",
    "x-forwarded-for",
    "x-hive-federation-jwt",
    "x-pilox-federation-jwt",
    "x-hive-gateway-auth",
];

/// Whether a proxy before us, or a program behind us, may see other headers than we do (attack case
/// 33): an end-to-end header that `Connection` has proxies drop, or a name that differs from
/// another by underscores only.
fn has_two_readings(headers: &HeaderMap) -> bool {
    let options = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = options.flat_map(|list| list.split(',')).map(str::trim);
    let drops = options.any(|option| {
        let known = HOP_BY_HOP.iter().any(|known| option.eq_ignore_ascii_case(known));
        !known && headers.contains_key(option)
    });
    drops
        || headers.keys().map(HeaderName::as_str).filter(|name| name.contains('_')).any(|name| {
            let twin = name.replace('_', "-");
            TOLD_APART.contains(&&*twin) || headers.contains_key(&twin)
        })
}

/// RFC 9457, in the form that every role of ours uses; `code` has a page in docs/errors.
fn problem(code: Code) -> Response {
    let body = serde_json::json!({
        "type": crate::error_pages::reference(code.as_str()),
        "title": code.title(),
        "status": code.status(),
        "code": code.as_str(),
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
