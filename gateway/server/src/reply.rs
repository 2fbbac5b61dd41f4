//! Answers: from what was decided to an HTTP response.
//!
//! Decides media types and headers. Must never put internal text into a body: failures are told by
//! the one map of gateway-core.

use axum::body::Body;
use axum::response::Response;
use deploy_service::entity_tags;
use gateway_core::Failure;
use gateway_core::errors::Reader;
use gateway_core::gcra::{Remaining, RetryAfter};
use gateway_core::limits::Policy;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use proto_types::WallMs;
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
pub(crate) fn failure(failure: &Failure, call: Option<&Id>, reader: Reader) -> Response {
    let told = failure.told();
    let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match call {
        Some(id) => {
            let answer = serde_json::to_string(&told.rpc(id, reader));
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

/// Takes the body away: there is no answer to a notification, not even an error (JSON-RPC 2.0,
/// section 4.1).
pub(crate) fn silence(response: &mut Response) {
    *response.body_mut() = Body::empty();
    response.headers_mut().remove(header::CONTENT_TYPE);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
}

/// A document with a strong tag and the time of its last change: 304 if the client has it.
pub(crate) fn document(tagged: &Tagged, headers: &HeaderMap, max_age_s: u32) -> Response {
    let modified = tagged.modified.map(WallMs::to_http_date);
    let mut response = match is_known(tagged, modified.as_deref(), headers) {
        true => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        false => body(StatusCode::OK, JSON, tagged.body.clone()),
    };
    set(&mut response, header::ETAG, &tagged.etag);
    set(&mut response, header::CACHE_CONTROL, &format!("public, max-age={max_age_s}"));
    if let Some(modified) = modified {
        set(&mut response, header::LAST_MODIFIED, &modified);
    }
    response
}

/// Tags count before times (RFC 9110, section 13.2.2). A time counts only if it is the one that was
/// told, and moves with each change: gateways take it from the registry, whose clock is not theirs.
fn is_known(tagged: &Tagged, modified: Option<&str>, headers: &HeaderMap) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let mut tags = entity_tags::of(headers, &header::IF_NONE_MATCH);
        return tags.any(|tag| tag == "*" || same(tag, &tagged.etag));
    }
    let since = headers.get(header::IF_MODIFIED_SINCE);
    tagged.is_dated && modified.is_some() && since.and_then(|since| since.to_str().ok()) == modified
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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_not_sent_again_to_who_has_it() {
        let modified = WallMs::from_secs(1_774_008_000);
        let tagged = Tagged::new(&Value::from("x")).changed_at(modified);
        let (etag, weak) = (tagged.etag.clone(), format!("\"o\", W/{}", tagged.etag));
        let (at, later) = ("Fri, 20 Mar 2026 12:00:00 GMT", "Fri, 20 Mar 2026 12:00:01 GMT");
        let (tags, since) = (header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE);
        for (sent, known) in [
            (vec![], false),
            (vec![(&tags, "\"other\"")], false),
            (vec![(&tags, etag.as_str())], true),
            (vec![(&tags, weak.as_str())], true),
            (vec![(&tags, "*")], true),
            (vec![(&tags, "\"a,*,b\"")], false),
            (vec![(&tags, "\"other\""), (&tags, etag.as_str())], true),
            (vec![(&since, at)], true),
            (vec![(&since, later)], false),
            (vec![(&since, "yesterday")], false),
            (vec![(&tags, "\"other\""), (&since, at)], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &sent {
                headers.append(*name, value.parse().unwrap());
            }
            let response = document(&tagged, &headers, 60);
            assert_eq!(response.status() == StatusCode::NOT_MODIFIED, known, "{sent:?}");
            assert_eq!(response.headers()[header::LAST_MODIFIED], at);
        }
    }
}
