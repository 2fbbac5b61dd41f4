//! A request whose token is bound to another gateway: that one alone can spend it, and is handed the request.
//!
//! Decides what of the head of a request is told there. Must never hand on what was handed on before, let a client say where it
//! calls from, nor tell a refusal of ours where the other gateway may have spent the token.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use deploy_service::trace::{self, Span};
use gateway_core::{Credential, Denial, Failure, Holder, Permit, handed_on};
use http::header::TE;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Uri};
use tokio::time::Instant;

use crate::fleet::Outgoing;
use crate::gateway::Gateway;
use crate::grpc;

use super::seen::Seen;

/// What is about the connection that a request came on, says where it came from, or asks this gateway for something: pages are
/// told here what they may read.
const NOT_PASSED_ON: [&str; 18] = [
    "connection",
    "ecumene-handed-on",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

const GRPC_TIMEOUT: &str = "grpc-timeout";
/// The most digits that `grpc-timeout` has are eight.
const GRPC_TIMEOUT_MS_MAX: u128 = 99_999_999;

/// Hands a request to the gateway that can spend its token; its answer.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    permit: &Permit,
    (parts, body): (Parts, Body),
    (until, stated): (Instant, Option<Instant>),
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let Some(Holder::Another { gateway: to, until: nonce_until }) = &permit.holder else {
        return Err(Failure::Internal);
    };
    // One hop and no more: whoever handed it on took us for the one that the token names.
    if seen.is_handed_on {
        return Err(Failure::Denied(Denial::HolderAway));
    }
    (seen.operation, seen.is_elsewhere) = ("hand-on", true);
    let others = &gateway.fleet.others;
    let endpoint = others.endpoint(to, *nonce_until).map_err(Failure::Denied)?;
    let place = others.place(&permit.peer.origin)?;
    let span = Span::client("hand-on");
    let request = span.within(|| request(gateway, &endpoint, (parts, body), (&*seen, stated)))?;
    let leaving = Box::pin({
        let gateway = Arc::clone(gateway);
        async move { gateway.leaving().await }
    });
    let is_grpc = grpc::is_grpc(request.headers());
    span.scope(others.send(Outgoing { request, is_grpc, place, until, leaving })).await
}

/// The same request, at the other gateway.
fn request(
    gateway: &Gateway,
    endpoint: &str,
    (parts, body): (Parts, Body),
    (seen, stated): (&Seen, Option<Instant>),
) -> Result<Request<Body>, Failure> {
    let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let uri = Uri::try_from(format!("{endpoint}{target}")).map_err(|_| Failure::Internal)?;
    let pairs = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let credential = Credential::find(pairs).map_err(Failure::Credential)?;
    let mark = gateway.fleet.mark(seen.address, credential).ok_or(Failure::Internal)?;
    let mut headers = passed_on(&parts.headers);
    headers.insert(handed_on::HEADER, mark);
    if let Some(stated) = stated {
        headers.insert(GRPC_TIMEOUT, left(stated));
    }
    trace::inject(&mut headers);
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut()) = (parts.method, uri);
    *request.headers_mut() = headers;
    Ok(request)
}

/// The head of a request, but for what is not the other gateway's.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = headers.clone();
    for name in NOT_PASSED_ON {
        passed.remove(name);
    }
    if grpc::is_grpc(headers) {
        passed.insert(TE, HeaderValue::from_static("trailers"));
    }
    passed
}

/// What is left of the time that a caller waits.
fn left(until: Instant) -> HeaderValue {
    let left = until.saturating_duration_since(Instant::now()).as_millis();
    let left = format!("{}m", left.min(GRPC_TIMEOUT_MS_MAX));
    HeaderValue::try_from(left).expect("digits and a letter are visible ASCII")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_client_says_of_its_address_and_its_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for name in NOT_PASSED_ON {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        for name in ["authorization", "a2a-version", "content-type", "content-length"] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        let passed = passed_on(&headers);
        let mut names: Vec<_> = passed.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["a2a-version", "authorization", "content-length", "content-type"]);
        assert!(NOT_PASSED_ON.contains(&handed_on::HEADER));
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        assert_eq!(passed_on(&headers)[TE], "trailers");
    }

    #[test]
    fn the_other_gateway_is_told_what_is_left_of_the_time() {
        let now = Instant::now();
        let ms = |until| {
            let text = left(until).to_str().unwrap().to_owned();
            text.strip_suffix('m').unwrap().parse::<u64>().unwrap()
        };
        // A busy machine may take a while between two lines.
        assert!((40_000..=50_000).contains(&ms(now + Duration::from_secs(50))));
        assert_eq!(ms(now), 0, "it is past");
        assert_eq!(ms(now + Duration::from_secs(999_999_999)), 99_999_999);
    }
}
