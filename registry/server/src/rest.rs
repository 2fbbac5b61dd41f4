//! The REST API: the paths of the Pilox registry, and a few of ours, on the same listener.
//!
//! It decides how HTTP carries a call: media types, sizes, conditions, caching. It must never read
//! a body before its size is known to be bounded, nor show a problem in another form than RFC 9457.

mod cards;
mod changes;
mod conditions;
mod docs;
mod federation;
mod meta;
mod openapi;
mod parameter;
mod peers;
mod records;
mod route;
mod schemas;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use deploy_service::Readiness;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::LengthLimitError;
use proto_types::Handle;
use registry_api::decode::BODY_BYTES_MAX;
use registry_api::{Code, Principal, Problem, field, identity, problem};
use serde_json::Value;

use crate::grpc::{AGE_KEY, REVISION_KEY, log_cause};
use crate::member::{Member, Reading};

use self::route::Route;

/// What handlers share.
type Shared = State<Arc<Member>>;

/// What a handler gives.
type Answered = Result<Response, Refused>;

/// Seconds after which a refusal that passes may be tried again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Every operation. The router and the published contract are both made of this table: what is not
/// in it is not served. After a change: `ECUMENE_BLESS=1 cargo nextest run -p registry-server --lib
/// the_committed_contract` writes `openapi/registry-v1.yaml`.
fn table() -> Vec<Route> {
    let groups = [
        records::routes(),
        cards::routes(),
        peers::routes(),
        changes::routes(),
        federation::routes(),
        meta::routes(),
        openapi::routes(),
        docs::routes(),
    ];
    groups.into_iter().flatten().collect()
}

/// Serves the table.
pub(crate) fn router(member: Arc<Member>, readiness: &Readiness) -> Router {
    let served = table().into_iter().fold(Router::new(), |router, route| route.serve(router));
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
        match self.0.status() {
            401 => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            429 | 503 => drop(headers.insert(RETRY_AFTER, RETRY_AFTER_S)),
            _ => {}
        }
        response
    }
}

/// Who calls.
async fn caller(member: &Member, headers: &HeaderMap) -> Result<Principal, Problem> {
    let values = headers.get_all(http::header::AUTHORIZATION).iter();
    member.caller(identity::single(values.map(|value| value.to_str().ok()))?).await
}

/// The handle in a path, where it stands percent-encoded.
fn handle(
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Handle, Problem> {
    let Path(text) = path.map_err(|_| Problem::argument("handle", "it is not percent-encoded"))?;
    field::read("handle", &text)
}

/// The state that a request asks for with `?consistency=`.
async fn read(member: &Member, consistency: Option<&str>) -> Result<Reading, Problem> {
    match consistency {
        None | Some("stale") => Ok(member.stale()),
        Some("strong") => member.strong().await,
        Some(_) => Err(Problem::argument("consistency", "stale or strong")),
    }
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
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
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
