//! Answers: from what was decided to an HTTP response.
//!
//! Decides media types and headers. Must never put internal text into a body: failures are told by
//! the one map of gateway-core.

use axum::body::Body;
use axum::response::Response;
use deploy_service::entity_tags::{self, Read};
use gateway_core::Failure;
use gateway_core::errors::Reader;
use gateway_core::gcra::{Remaining, RetryAfter};
use gateway_core::limits::Policy;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use proto_types::{Code, WallMs};
use serde_json::Value;

use crate::a2a::Binding;
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

/// A refusal: in the form of the binding for a caller that reads nothing else.
pub(crate) fn failure(failure: &Failure, binding: Option<&Binding>, reader: Reader) -> Response {
    let reply = failure.reply();
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match binding {
        Some(binding) => binding.failure(&reply, reader),
        None => body(status, PROBLEM, reply.problem().to_string()),
    };
    if status == StatusCode::UNAUTHORIZED {
        set(&mut response, header::WWW_AUTHENTICATE, challenge(reply.code));
    }
    match failure {
        Failure::Method(methods) => set(&mut response, header::ALLOW, methods.allow()),
        Failure::PreconditionFailed { etag } => set(&mut response, header::ETAG, etag),
        _ => {}
    }
    if let Some(secs) = reply.retry_after_s {
        set(&mut response, header::RETRY_AFTER, &secs.to_string());
    }
    response
}

/// What a credential has to be (RFC 6750, section 3). The error is one of ours, worded as that of DPoP (RFC 9449, section 8).
const fn challenge(code: Code) -> &'static str {
    match code {
        Code::UseNonce => "Bearer error=\"use_nonce\"",
        _ => "Bearer",
    }
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
///
/// # Errors
/// It is another version than `If-Match` names, or newer than `If-Unmodified-Since` says.
pub(crate) fn document(
    tagged: &Tagged,
    headers: &HeaderMap,
    max_age_s: u32,
) -> Result<Response, Failure> {
    let modified = tagged.modified.map(WallMs::to_http_date);
    let mut response = match conditions(tagged, modified.as_deref(), headers) {
        Read::Failed => return Err(Failure::PreconditionFailed { etag: tagged.etag.clone() }),
        Read::NotModified => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        Read::Whole => body(StatusCode::OK, JSON, tagged.body.clone()),
    };
    set(&mut response, header::ETAG, &tagged.etag);
    set(&mut response, header::CACHE_CONTROL, &format!("public, max-age={max_age_s}"));
    if let Some(modified) = modified {
        set(&mut response, header::LAST_MODIFIED, &modified);
    }
    Ok(response)
}

/// Tags count before times (RFC 9110, section 13.2.2). The time in `If-Modified-Since` counts only if it is the one that was
/// told, and moves with each change: gateways take it from the registry, whose clock is not theirs.
fn conditions(tagged: &Tagged, modified: Option<&str>, headers: &HeaderMap) -> Read {
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|since| since.to_str().ok());
    let is_known = tagged.is_dated && modified.is_some() && since == modified;
    match entity_tags::read(headers, &tagged.etag, tagged.modified.filter(|_| tagged.is_dated)) {
        Read::Whole if is_known && !headers.contains_key(header::IF_NONE_MATCH) => {
            Read::NotModified
        }
        read => read,
    }
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
    fn a_document_is_sent_to_who_wants_this_version_and_not_again_to_who_has_it() {
        let modified = WallMs::from_secs(1_774_008_000);
        let tagged = Tagged::new(&Value::from("x")).changed_at(modified);
        let (etag, weak) = (tagged.etag.clone(), format!("\"o\", W/{}", tagged.etag));
        let (at, later) = ("Fri, 20 Mar 2026 12:00:00 GMT", "Fri, 20 Mar 2026 12:00:01 GMT");
        let (wanted, tags) = (header::IF_MATCH, header::IF_NONE_MATCH);
        let (since, unmodified) = (header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE);
        for (sent, status) in [
            (vec![], 200),
            (vec![(&tags, "\"other\"")], 200),
            (vec![(&tags, etag.as_str())], 304),
            (vec![(&tags, weak.as_str())], 304),
            (vec![(&tags, "*")], 304),
            (vec![(&tags, "\"a,*,b\"")], 200),
            (vec![(&tags, "\"other\""), (&tags, etag.as_str())], 304),
            (vec![(&since, at)], 304),
            (vec![(&since, later)], 200),
            (vec![(&since, "yesterday")], 200),
            (vec![(&tags, "\"other\""), (&since, at)], 200),
            (vec![(&wanted, etag.as_str())], 200),
            (vec![(&wanted, "*")], 200),
            (vec![(&wanted, weak.as_str())], 412),
            (vec![(&wanted, "\"other\"")], 412),
            (vec![(&wanted, "\"other\""), (&tags, etag.as_str())], 412),
            (vec![(&wanted, "\"other\""), (&since, at)], 412),
            (vec![(&wanted, etag.as_str()), (&tags, etag.as_str())], 304),
            (vec![(&wanted, etag.as_str()), (&since, at)], 304),
            (vec![(&unmodified, at)], 200),
            (vec![(&unmodified, "Fri, 20 Mar 2026 11:59:59 GMT")], 412),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &sent {
                headers.append(*name, value.parse().unwrap());
            }
            let answered = document(&tagged, &headers, 60);
            let is_refused = answered.is_err();
            let answered = answered.unwrap_or_else(|why| failure(&why, None, Reader::A2a));
            assert_eq!(answered.status().as_u16(), status, "{sent:?}");
            assert_eq!(answered.headers()[header::ETAG], etag, "{sent:?}");
            assert_eq!(answered.headers().contains_key(header::LAST_MODIFIED), !is_refused);
        }
    }
}
