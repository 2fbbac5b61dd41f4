//! The body of a request, within its limit.
//!
//! Decides what is refused before anything is read. Must never buffer more than the limit.

use axum::body::Body;
use bytes::Bytes;
use deploy_service::content_coding;
use gateway_core::{BodyFault, Failure};
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// Refuses a stated length above the limit.
pub(super) fn check_length(parts: &Parts, limit: u64) -> Result<(), Failure> {
    let length =
        parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match length.is_some_and(|length: u64| length > limit) {
        true => Err(Failure::Body(BodyFault::TooLarge { limit })),
        false => Ok(()),
    }
}

/// Refuses a stated length above the limit, another type than JSON, and compressed bodies, which
/// nobody has reason to send (attack case 25). A body that is not `needed` may be left out, and its type with it.
pub(super) fn check_head(parts: &Parts, limit: u64, needed: bool) -> Result<(), Failure> {
    check_length(parts, limit)?;
    let is_json = match parts.headers.get(CONTENT_TYPE) {
        Some(kind) => is_json(kind),
        None => !needed,
    };
    match is_json && content_coding::is_identity(&parts.headers) {
        true => Ok(()),
        false => Err(Failure::Body(BodyFault::MediaType)),
    }
}

fn is_json(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().ok().and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let json = ["application/json", "application/a2a+json"];
    json.iter().any(|json| kind.trim().eq_ignore_ascii_case(json))
}

/// Reads the body.
pub(super) async fn read(body: Body, limit: u64) -> Result<Bytes, Failure> {
    let bytes_max = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, bytes_max).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failure::Body(BodyFault::TooLarge { limit }))
        }
        Err(_) => Err(Failure::Body(BodyFault::Unreadable)),
    }
}
