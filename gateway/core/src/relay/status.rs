//! A status of gRPC, in terms of HTTP+JSON: behind it all errors of upstreams are read alike.
//!
//! Decides where an error of A2A is named. Must never take a bare code for an error of A2A, but for NOT_FOUND, which means one
//! thing only (A2A 1.0, section 5.4).

use proto_types::a2a::A2aError;
use proto_types::grpc::GrpcStatus;
use serde_json::{Value, json};

use crate::errors::http_status_of;

/// The HTTP status, and the body of an error of HTTP+JSON, that say what a status of gRPC does which is not OK. `reason` is
/// that of its `ErrorInfo`.
#[must_use]
pub fn as_http_error(code: i32, message: &str, reason: Option<&str>) -> (u16, Vec<u8>) {
    let known = GrpcStatus::ALL.iter().copied().find(|status| status.number() == code);
    let status = known.map_or(500, http_status_of);
    let is_not_found = code == GrpcStatus::NotFound.number();
    let bare = is_not_found.then(|| A2aError::TaskNotFound.reason());
    let details: Vec<Value> =
        reason.or(bare).map(|reason| json!({ "reason": reason })).into_iter().collect();
    let error = json!({ "error": { "code": status, "message": message, "details": details } });
    (status, error.to_string().into_bytes())
}

/// The HTTP status of an error that stands where an event would be. No event has such a member.
pub(super) fn stated(event: &Value) -> Option<u16> {
    let code = event.get("error")?.get("code")?.as_u64()?;
    u16::try_from(code).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::a2a::{GetTaskRequest, ProtocolVersion};
    use proto_types::upstream::UpstreamBinding;

    use super::super::{Outgoing, UpstreamFault, UpstreamForm};
    use super::*;

    const FORM: UpstreamForm =
        UpstreamForm { binding: UpstreamBinding::Grpc, version: ProtocolVersion::V10 };

    /// What is told of a status, as an answer and at the end of a stream.
    fn told(code: i32, message: &str, reason: Option<&str>) -> UpstreamFault {
        let get = Outgoing::Get(GetTaskRequest {
            tenant: None,
            id: "t".to_owned(),
            history_length: None,
        });
        let (status, body) = as_http_error(code, message, reason);
        let alone = FORM.read_answer(&get, status, &body).unwrap_err();
        assert_eq!(FORM.read_event(&body).unwrap_err(), alone, "{code}");
        alone
    }

    #[test]
    fn an_error_of_a2a_is_told_as_that_with_its_text() {
        let refused = |error, text: &str| UpstreamFault::Refused(error, text.to_owned());
        for (code, reason, error) in [
            (5, Some("TASK_NOT_FOUND"), A2aError::TaskNotFound),
            (5, None, A2aError::TaskNotFound),
            (9, Some("TASK_NOT_CANCELABLE"), A2aError::TaskNotCancelable),
            (9, Some("UNSUPPORTED_OPERATION"), A2aError::UnsupportedOperation),
            (12, Some("UNSUPPORTED_OPERATION"), A2aError::UnsupportedOperation),
            (3, Some("CONTENT_TYPE_NOT_SUPPORTED"), A2aError::ContentTypeNotSupported),
        ] {
            assert_eq!(
                told(code, "it is \u{7}so", reason),
                refused(error, "it is so"),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn what_is_no_error_of_a2a_is_the_operators_to_read() {
        let unfit = |text: &str| UpstreamFault::NotA2a(text.to_owned());
        for (code, reason, fault) in [
            (16, None, UpstreamFault::Denied),
            (7, Some("TASK_NOT_FOUND"), UpstreamFault::Denied),
            (8, None, UpstreamFault::Unavailable(429)),
            (14, None, UpstreamFault::Unavailable(503)),
            (4, None, UpstreamFault::Unavailable(504)),
            (2, None, unfit("HTTP status 500: why")),
            (13, Some("OUT_OF_MEMORY"), unfit("HTTP status 500: why")),
            (12, None, unfit("HTTP status 501: why")),
            (-1, None, unfit("HTTP status 500: why")),
        ] {
            assert_eq!(told(code, "why", reason), fault, "{code} {reason:?}");
        }
    }
}
