//! Answers: from what was decided to an HTTP response.
//!
//! Decides media types and headers. Must never put internal text into a body: failures are told by
//! the one map of gateway-core.

use axum::body::Body;
use axum::response::Response;
use gateway_core::Failure;
use gateway_core::gcra::{Remaining, RetryAfter};
use gateway_core::limits::Policy;
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};
use proto_types::a2a::rpc::Id;
use serde_json::Value;

use crate::agents::Tagged;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// A JSON body.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    body(status, JSON, value.to_string())
}

/// A body of a media type.
pub(crate) fn body(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, kind);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// A refusal: in JSON-RPC for a caller that reads nothing else, with the id of its call.
pub(crate) fn failure(failure: &Failure, call: Option<&Id>) -> Response {
    let told = failure.told();
    let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match call {
        Some(id) => {
            let answer = serde_json::to_string(&told.rpc(id));
            body(status, JSON, answer.expect("an answer has string keys only"))
        }
        None => body(status, PROBLEM, told.problem().to_string()),
    };
    if status == StatusCode::UNAUTHORIZED {
        set(&mut response, header::WWW_AUTHENTICATE, "Bearer");
    }
    if let Failure::Method(method) = failure {
        set(&mut response, header::ALLOW, method.allow());
    }
    if let Some(secs) = told.retry_after_s {
        set(&mut response, header::RETRY_AFTER, &secs.to_string());
    }
    response
}

/// A document with a strong tag: 304 if the client has it. Anybody may read it, also in a browser.
pub(crate) fn document(tagged: &Tagged, if_none_match: Option<&str>, max_age_s: u32) -> Response {
    let has = |tags: &str| {
        tags.split(',')
            .any(|tag| matches!(tag.trim(), tag if tag == "*" || same(tag, &tagged.etag)))
    };
    let mut response = match if_none_match.is_some_and(has) {
        true => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        false => body(StatusCode::OK, JSON, tagged.body.clone()),
    };
    set(&mut response, header::ETAG, &tagged.etag);
    set(&mut response, header::CACHE_CONTROL, &format!("public, max-age={max_age_s}"));
    set(&mut response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    response
}

/// `If-None-Match` compares weakly (RFC 9110, section 13.1.2).
fn same(tag: &str, etag: &str) -> bool {
    tag.strip_prefix("W/").unwrap_or(tag) == etag
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What is left of a caller's limit.
pub(crate) fn add_limit(
    response: &mut Response,
    policy: Policy,
    left: Result<Remaining, RetryAfter>,
) {
    let value = match left {
        Ok(left) => policy.remaining_header(left),
        Err(retry) => policy.refused_header(retry),
    };
    set(response, POLICY, &policy.policy_header());
    set(response, LIMIT, &value);
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("our header values are visible ASCII");
    response.headers_mut().insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_not_sent_again_to_who_has_it() {
        let tagged = Tagged::new(&Value::from("x"));
        let status = |tags: Option<&str>| document(&tagged, tags, 60).status();
        assert_eq!(status(None), StatusCode::OK);
        assert_eq!(status(Some("\"other\"")), StatusCode::OK);
        assert_eq!(status(Some(&tagged.etag)), StatusCode::NOT_MODIFIED);
        assert_eq!(status(Some(&format!("\"o\", W/{}", tagged.etag))), StatusCode::NOT_MODIFIED);
        assert_eq!(status(Some("*")), StatusCode::NOT_MODIFIED);
    }
}
