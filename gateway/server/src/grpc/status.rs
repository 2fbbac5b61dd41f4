//! A failure as a gRPC status, in trailers or alone.
//!
//! Decides how it is packed: `google.rpc.Status` with what the JSON forms tell, cut to fit into trailers, which clients
//! bound. Must never say more than the one map of gateway-core does.

use std::collections::HashMap;
use std::time::Duration;

use axum::response::Response;
use gateway_core::errors::{ErrorInfo, ErrorReply};
use http::{HeaderMap, HeaderName, HeaderValue};
use proto_types::Code as Known;
use proto_types::metadata::CODE_KEY;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// Violations that are told at most. With all that is beside them some KiB: clients commonly take 8 KiB of trailers.
const VIOLATIONS_MAX: usize = 16;
/// Longer texts of an agent are cut: they are sent twice, and each character in up to twelve bytes.
const MESSAGE_CHARS_MAX: usize = 256;
/// Longer paths are cut.
const FIELD_CHARS_MAX: usize = 128;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// The trailers of a stream that ends with a failure.
pub(super) fn trailers(reply: &ErrorReply) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if of(reply).add_header(&mut trailers).is_err() {
        trailers.insert(STATUS, HeaderValue::from(Code::Internal as i32));
    }
    trailers
}

/// The trailers of what has succeeded.
pub(super) fn ok() -> HeaderMap {
    HeaderMap::from_iter([(STATUS, HeaderValue::from(Code::Ok as i32))])
}

/// A failure instead of an answer ("Trailers-Only").
pub(crate) fn response(reply: &ErrorReply) -> Response {
    let mut response: Response = of(reply).into_http();
    if reply.code == Known::MessageCompressed {
        response.headers_mut().insert(ACCEPTED, HeaderValue::from_static("identity"));
    }
    response
}

/// The status of a failure.
pub(super) fn of(reply: &ErrorReply) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert(CODE_KEY, MetadataValue::from_static(reply.code.as_str()));
    let code = Code::from_i32(reply.grpc().number());
    let message: String = reply.message.chars().take(MESSAGE_CHARS_MAX).collect();
    Status::with_error_details_and_metadata(code, message, details(reply), metadata)
}

/// The details of the JSON forms, in their own types.
fn details(reply: &ErrorReply) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    let ErrorInfo { reason, domain, metadata } = reply.info();
    let metadata = metadata.into_iter().map(|(name, text)| (name.to_owned(), text));
    details.set_error_info(reason, domain, metadata.collect::<HashMap<_, _>>());
    let violations = reply.faults.iter().take(VIOLATIONS_MAX).map(|fault| {
        let field: String = fault.field().chars().take(FIELD_CHARS_MAX).collect();
        FieldViolation::new(field, fault.problem.to_string())
    });
    let violations: Vec<_> = violations.collect();
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    if let Some(secs) = reply.retry_after_s {
        details.set_retry_info(Some(Duration::from_secs(secs)));
    }
    details
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::gcra::RetryAfter;
    use gateway_core::params::fault;
    use gateway_core::{BodyFault, CallError, Failure};

    use super::*;

    fn told(failure: &Failure) -> Status {
        Status::from_header_map(&trailers(&failure.reply())).unwrap()
    }

    #[test]
    fn a_failure_is_told_with_the_details_of_its_json_form() {
        let status = told(&Failure::Call(CallError::TaskNotFound));
        assert_eq!((status.code(), status.message()), (Code::NotFound, "Task not found"));
        let info = status.get_details_error_info().unwrap();
        let (reason, domain) = (info.reason.as_str(), info.domain.as_str());
        assert_eq!((reason, domain), ("TASK_NOT_FOUND", "a2a-protocol.org"));
        assert_eq!(info.metadata["code"], "task-not-found");
        assert_eq!(status.metadata().get(CODE_KEY).unwrap(), "task-not-found");
        assert!(status.get_details_bad_request().is_none());

        let status = told(&Failure::PeerLimit(RetryAfter { us: 1_200_000 }));
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.get_details_error_info().unwrap().domain, "ecumene.gateway");
        let retry = status.get_details_retry_info().unwrap().retry_delay;
        assert_eq!(retry, Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_is_wrong_is_named_and_cut_to_what_clients_take() {
        let path = format!("/message/{}", "metadata/".repeat(100));
        let faults = vec![fault(&path, "a number of at most 1024 characters"); 64];
        let failure = Failure::Call(CallError::Params(faults));
        let told = told(&failure);
        let violations = told.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations.len(), VIOLATIONS_MAX);
        assert_eq!(violations[0].field.len(), FIELD_CHARS_MAX);
        assert!(violations[0].field.starts_with("message.metadata."), "{violations:?}");
        let bytes = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        let sum: usize = trailers(&failure.reply()).iter().map(bytes).sum();
        assert!(sum < 8 << 10, "{sum}");
    }

    #[test]
    fn a_refusal_alone_is_an_answer_of_grpc() {
        let refused = response(&Failure::Body(BodyFault::Compressed).reply());
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["grpc-status"]),
            (200, &HeaderValue::from(12))
        );
        assert_eq!(refused.headers()["content-type"], "application/grpc");
        assert_eq!(refused.headers()["grpc-accept-encoding"], "identity");
        let other = response(&Failure::Internal.reply());
        assert!(!other.headers().contains_key("grpc-accept-encoding"));
        assert_eq!(ok()["grpc-status"], "0");
    }
}
