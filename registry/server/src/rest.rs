//! The REST API: the paths of the Pilox registry, and a few of ours, on the same listener. It decides how HTTP carries a
//! call: media types, sizes, conditions, caching. A body is never read before its size is known to be bounded, and a
//! problem is always RFC 9457.

mod agents;
mod annotations;
mod attached;
mod audit;
mod cards;
mod changes;
mod conditions;
mod docs;
mod events;
mod federation;
mod instances;
mod log;
mod marketplace;
mod meta;
mod namespaces;
mod openapi;
mod page;
mod parameter;
mod peers;
mod policies;
mod records;
mod route;
mod schemas;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use deploy_service::{Readiness, content_coding};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use http_body_util::LengthLimitError;
use proto_types::metadata::{AGE_KEY, REVISION_KEY};
use proto_types::{Handle, Revision, path};
use proto_wire::registry::v1::Consistency;
use registry_api::decode::BODY_BYTES_MAX;
use registry_api::{Code, Problem, field, problem};
use registry_core::viewer::Viewer;
use serde_json::Value;

use crate::call::{Caller, log_cause};
use crate::member::{Member, Reading};
use crate::operations;

pub(crate) use self::conditions::conditions;
use self::route::Route;

/// What handlers share.
type Shared = State<Arc<Member>>;

/// What a handler gives.
type Answered = Result<Response, Refused>;

/// Seconds after which a refusal that passes may be tried again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Every operation. The router and the published contract are both made of this table: what is not
/// in it is not served. After a change: `ECUMENE_BLESS=1 cargo nextest run -p registry-server --lib
/// the_committed_contract` writes `openapi/registry-v1.json`.
fn table() -> Vec<Route> {
    let groups = [
        records::routes(),
        cards::routes(),
        agents::routes(),
        attached::routes(),
        namespaces::routes(),
        peers::routes(),
        policies::routes(),
        changes::routes(),
        log::routes(),
        audit::routes(),
        federation::routes(),
        instances::routes(),
        marketplace::routes(),
        meta::routes(),
        openapi::routes(),
        docs::routes(),
    ];
    groups.into_iter().flatten().collect()
}

/// Serves the table.
pub(crate) fn router(member: Arc<Member>, readiness: &Readiness) -> Router {
    let table = table();
    let paths = table.iter().map(|route| route.path);
    let fixed: BTreeSet<_> = paths.filter(|path| !path.contains('{')).collect();
    let served = table.into_iter().fold(Router::new(), |router, route| route.serve(router, &fixed));
    served
        .method_not_allowed_fallback(no_method)
        .fallback(no_route)
        .with_state(member)
        .merge(readiness.router())
}

async fn no_route(request: Request) -> Refused {
    let why = format_args!("there is no {}", request.uri().path()).to_string();
    Refused(Problem::new(Code::RouteNotFound, why))
}

async fn no_method(request: Request) -> Refused {
    let why = format_args!("{} is not a method of this path", request.method()).to_string();
    Refused(Problem::new(Code::MethodNotAllowed, why))
}

/// A problem as an answer, for what is refused before any route.
pub(crate) fn refused(problem: Problem) -> Response {
    Refused(problem).into_response()
}

/// A problem as the answer to an HTTP request.
#[derive(Debug)]
struct Refused(Problem);

impl<P: Into<Problem>> From<P> for Refused {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        log_cause(&self.0);
        let mut response = Response::new(Body::from(self.0.to_json()));
        *response.status_mut() = StatusCode::from_u16(self.0.status())
            .expect("every code has a status that exists: its table says so");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(tag) = conditions::stored_tag(&self.0).and_then(|tag| tag.parse().ok()) {
            headers.insert(ETAG, tag);
        }
        match self.0.status() {
            401 => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            429 | 503 => {
                if let Some(after) = retry_after(&self.0) {
                    headers.insert(RETRY_AFTER, after);
                }
            }
            _ => {}
        }
        response
    }
}

/// When it may be tried again: a rate limit knows. Of a bound of the state nobody does: there is room when something that
/// is kept is removed, or after days.
fn retry_after(problem: &Problem) -> Option<HeaderValue> {
    if let Some(stated) = problem.extra("retryAfterSeconds").and_then(Value::as_u64) {
        return Some(HeaderValue::from(stated));
    }
    problem.extra("bound").is_none().then_some(RETRY_AFTER_S)
}

/// The state that a request asks for, and with whose eyes it is read.
async fn look(
    member: &Member,
    caller: Caller,
    named: Option<&str>,
) -> Result<(Reading, Viewer), Problem> {
    let call = caller.reader()?;
    operations::look(member, &call.principal, consistency(named)?).await
}

/// How long an answer may be kept, and by whom: what somebody was shown by name is for nobody else.
fn kept_for(viewer: &Viewer, seconds: u64) -> HeaderValue {
    let who = if *viewer == Viewer::Anonymous { "public" } else { "private" };
    HeaderValue::try_from(format!("{who}, max-age={seconds}"))
        .expect("words and digits are allowed in a header value")
}

/// What an answer depends on besides the path: caches must tell the viewers apart (RFC 9111, 4.1).
const VARY_BY: HeaderValue =
    HeaderValue::from_static("authorization, x-hive-federation-jwt, x-pilox-federation-jwt");

/// Which segment of a path is a handle, where one is.
const HANDLE_AT: usize = 2;

/// The handle in a path, which `front.rs` has checked. The path is read and not the router's parameters: a fixed path may be
/// that of a handle too.
fn handle(target: &Uri) -> Result<Handle, Problem> {
    let named = path::nth(target.path(), HANDLE_AT)?;
    field::read("handle", &named.unwrap_or_default())
}

/// The consistency that a request names with `?consistency=`.
fn consistency(named: Option<&str>) -> Result<Consistency, Problem> {
    match named {
        None | Some("stale") => Ok(Consistency::Stale),
        Some("strong") => Ok(Consistency::Strong),
        Some(_) => Err(Problem::argument("consistency", "stale or strong")),
    }
}

/// The state that a request asks for.
async fn read(member: &Member, named: Option<&str>) -> Result<Reading, Problem> {
    member.read(consistency(named)?).await
}

/// The parameters of a query; each at most once, no others than the named type has.
fn parameters<T: serde::de::DeserializeOwned>(
    query: Result<axum::extract::Query<T>, axum::extract::rejection::QueryRejection>,
) -> Result<T, Problem> {
    query.map(|axum::extract::Query(read)| read).map_err(|why| Problem::argument("query", why))
}

/// A JSON body, at most 1 MiB, not compressed.
async fn json_body(request: Request) -> Result<Bytes, Problem> {
    let headers = request.headers();
    if !is_json(headers) {
        let why = "send Content-Type: application/json";
        return Err(Problem::new(Code::UnsupportedMediaType, why));
    }
    if !content_coding::is_identity(headers) {
        let why = "compressed bodies are not accepted";
        return Err(Problem::new(Code::UnsupportedMediaType, why));
    }
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(length) = stated.filter(|length| *length > BODY_BYTES_MAX) {
        return Err(field::too_large(length, BODY_BYTES_MAX));
    }
    axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|cause| cause.is::<LengthLimitError>()) {
            field::too_large(BODY_BYTES_MAX + 1, BODY_BYTES_MAX)
        } else {
            Problem::argument("body", "it broke off")
        }
    })
}

/// `application/json`, or a type built on it (RFC 6839), with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A JSON answer that nobody keeps.
fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = bytes(body.to_string().into_bytes());
    *response.status_mut() = status;
    unkept(response)
}

/// What answers a change: the revision that has it.
fn done(revision: Revision) -> Response {
    json(StatusCode::OK, &serde_json::json!({ "ok": true, "revision": revision.0 }))
}

/// The same answer, for nobody to keep.
fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A JSON answer with these very bytes.
fn bytes(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Says which state an answer was read from.
fn at(reading: &Reading, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(REVISION_KEY, HeaderValue::from(reading.revision.0));
    if let Some(age_ms) = reading.age_ms {
        headers.insert(AGE_KEY, HeaderValue::from(age_ms));
    }
    response
}

#[cfg(test)]
mod tests {
    use registry_core::change::Refusal;

    use super::*;

    #[test]
    fn a_time_is_told_where_waiting_helps_and_none_for_a_quota_that_is_full() {
        let after = |problem: Problem| -> Option<u64> {
            let response = refused(problem);
            let after = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
            after.parse().ok()
        };
        let full = |what: &str, share| {
            Problem::from(Refusal::Full { what: what.to_owned(), bound: 4 << 30, share })
        };
        assert_eq!(after(full("bytes of namespace default", false)), None);
        assert_eq!(after(full("bytes kept for the caller's tasks and envelopes", true)), None);
        assert_eq!(after(Problem::new(Code::ShareReached, "searches")), Some(1));
        assert_eq!(after(Problem::new(Code::Overloaded, "a queue")), Some(1));
        let limited = Problem::new(Code::RateLimited, "a source").with("retryAfterSeconds", 17);
        assert_eq!(after(limited), Some(17));
        assert_eq!(after(Problem::new(Code::NotFound, "nothing")), None);
    }
}
