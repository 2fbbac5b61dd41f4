//! What happens to every request before a role sees it.
//!
//! It decides sizes of what hyper has parsed: hyper's own bound is a buffer, which lets a little
//! more through. It never reads a body and never reads what a header says.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONNECTION, CONTENT_TYPE},
    },
    response::Response,
};
use hyper::{Request, body::Incoming, service::service_fn};
use tower::{Service, ServiceExt};

use crate::ClientIdentity;

use super::{
    Limits,
    in_flight::{InFlight, Ticketed},
    paced::Paced,
    unread::{self, Unread},
};

/// A role's service with what stands before it.
#[derive(Clone)]
pub(super) struct Edge<S> {
    pub(super) service: S,
    pub(super) in_flight: InFlight,
    pub(super) limits: Limits,
}

impl<S> Edge<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// The service of one connection, whose client may have proved who it is.
    pub(super) fn for_client(
        &self,
        client: SocketAddr,
        identity: Option<ClientIdentity>,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = Response<Ticketed>,
        Error = Infallible,
        Future: Send + 'static,
    > + Send
    + use<S> {
        let edge = self.clone();
        service_fn(move |mut request| {
            request.extensions_mut().extend(known(client, identity.clone()));
            edge.clone().answer(request)
        })
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Ticketed>, Infallible> {
        let ticket = self.in_flight.enter();
        let may_read = unread::may_read(request.headers());
        let refusal = self.refusal(&request);
        let (request, unread) = Unread::watch(prepare(request, &self.limits));
        let mut response = match refusal {
            Some(refused) => {
                drop(request);
                refused
            }
            None => self.service.oneshot(request).await?,
        };
        // The rest of the body stands where the next request would begin: say that there is none.
        if let Some(unread) = unread
            && !unread.is_passed(may_read).await
        {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| ticket.on(body)))
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Response> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target as u64 > self.limits.uri_bytes_max.count() {
            return Some(problem(StatusCode::URI_TOO_LONG, "uri-too-long"));
        }
        if headers_bytes(request.headers()) > self.limits.headers_bytes_max.count() {
            return Some(problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "header-too-large"));
        }
        if has_two_readings(request.headers()) {
            return Some(problem(StatusCode::BAD_REQUEST, "framing-ambiguous"));
        }
        None
    }
}

/// What is known of the client before its request is looked at.
fn known(client: SocketAddr, identity: Option<ClientIdentity>) -> Extensions {
    let mut known = Extensions::new();
    known.insert(ConnectInfo(client));
    if let Some(identity) = identity {
        known.insert(identity);
    }
    known
}

fn prepare(request: Request<Incoming>, limits: &Limits) -> Request<Body> {
    let (parts, body) = request.into_parts();
    let body = match is_grpc(&parts.headers) {
        true => Body::new(body),
        false => Body::new(Paced::new(body, limits)),
    };
    Request::from_parts(parts, body)
}

/// gRPC streams may idle for as long as their connection answers pings.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
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
fn problem(status: StatusCode, code: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Refused");
    let body = serde_json::json!({
        "type": crate::error_pages::reference(code),
        "title": title,
        "status": status.as_u16(),
        "code": code,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
