//! Refusals over HTTP+JSON: `google.rpc.Status` in JSON (A2A 1.0.1, sections 5.4 and 11.6).
//!
//! Decides the HTTP status of what JSON-RPC tells with 200. Must never tell more than the other forms do.

use proto_types::a2a::{A2aError, ProtocolVersion};
use proto_types::grpc::GrpcStatus;
use serde_json::{Value, json};

use super::{ErrorReply, Rpc};

impl ErrorReply {
    /// The HTTP status, also of an error of the call itself.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self.status {
            200 => http_status_of(self.grpc()),
            status => status,
        }
    }

    /// The body. No text of A2A 0.3 says what it has there: its clients look for the JSON-RPC code and message (the JavaScript
    /// SDK) or for the error's name and message (the Python SDK), so that these are told beside what 1.0 has.
    #[must_use]
    pub fn http_json(&self, version: ProtocolVersion) -> Value {
        let details = Value::Array(self.details());
        let error = json!({
            "code": self.http_status(),
            "status": self.grpc().as_str(),
            "message": self.message,
            "details": details,
        });
        if version == ProtocolVersion::V10 {
            return json!({ "error": error });
        }
        let mut body = json!({
            "code": self.rpc_code(),
            "message": self.message,
            "data": details,
            "error": error,
        });
        if let Rpc::A2a(error) = self.rpc {
            body["type"] = json!(name_of(error));
        }
        body
    }
}

/// As `google/rpc/code.proto` maps them, but for a state that is in the way: A2A has 400 for that.
pub(crate) fn http_status_of(status: GrpcStatus) -> u16 {
    match status {
        GrpcStatus::InvalidArgument | GrpcStatus::FailedPrecondition | GrpcStatus::OutOfRange => {
            400
        }
        GrpcStatus::Unauthenticated => 401,
        GrpcStatus::PermissionDenied => 403,
        GrpcStatus::NotFound => 404,
        GrpcStatus::AlreadyExists | GrpcStatus::Aborted => 409,
        GrpcStatus::ResourceExhausted => 429,
        GrpcStatus::Internal => 500,
        GrpcStatus::Unimplemented => 501,
        GrpcStatus::Unavailable => 503,
        GrpcStatus::DeadlineExceeded => 504,
    }
}

/// `TaskNotFoundError` of `TASK_NOT_FOUND`.
fn name_of(error: A2aError) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{first}{}", rest.to_ascii_lowercase())
    };
    let words: String = error.reason().split('_').map(word).collect();
    format!("{words}Error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential;
    use crate::dispatch;
    use crate::errors::{CallError, Failure};
    use crate::gcra::RetryAfter;
    use crate::params::fault;

    /// A2A 1.0.1, section 5.4.
    #[test]
    fn each_error_of_a_call_has_the_status_that_a2a_names() {
        let operation = |error| Failure::Call(CallError::Operation(error));
        for (failure, code, status, reason) in [
            (Failure::Call(CallError::TaskNotFound), 404, "NOT_FOUND", "TASK_NOT_FOUND"),
            (
                Failure::Call(CallError::TaskNotCancelable),
                400,
                "FAILED_PRECONDITION",
                "TASK_NOT_CANCELABLE",
            ),
            (
                operation(dispatch::Error::PushNotifications),
                400,
                "FAILED_PRECONDITION",
                "PUSH_NOTIFICATION_NOT_SUPPORTED",
            ),
            (
                Failure::Call(CallError::TaskEnded),
                400,
                "FAILED_PRECONDITION",
                "UNSUPPORTED_OPERATION",
            ),
            (
                Failure::Call(CallError::ContentType(Vec::new())),
                400,
                "INVALID_ARGUMENT",
                "CONTENT_TYPE_NOT_SUPPORTED",
            ),
            (Failure::Call(CallError::AgentResponse), 500, "INTERNAL", "INVALID_AGENT_RESPONSE"),
            (
                operation(dispatch::Error::Version),
                400,
                "FAILED_PRECONDITION",
                "VERSION_NOT_SUPPORTED",
            ),
            (Failure::Call(CallError::Parse), 400, "INVALID_ARGUMENT", "PARSE"),
            (
                Failure::Call(CallError::Params(Vec::new())),
                400,
                "INVALID_ARGUMENT",
                "INVALID_PARAMS",
            ),
            (
                Failure::Credential(credential::Error::Missing),
                401,
                "UNAUTHENTICATED",
                "UNAUTHENTICATED",
            ),
            (Failure::NotFound, 404, "NOT_FOUND", "NOT_FOUND"),
            (Failure::RegistryAway, 503, "UNAVAILABLE", "REGISTRY_UNAVAILABLE"),
            (Failure::Deadline, 504, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
        ] {
            let reply = failure.reply();
            let error = &reply.http_json(ProtocolVersion::V10)["error"];
            assert_eq!(
                (reply.http_status(), &error["code"], &error["status"]),
                (code, &json!(code), &json!(status)),
                "{failure:?}"
            );
            let info = &error["details"][0];
            assert_eq!(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo", "{failure:?}");
            assert_eq!(info["reason"], reason, "{failure:?}");
        }
    }

    #[test]
    fn a_limit_and_what_is_wrong_are_told_in_the_details() {
        let limited = Failure::PeerLimit(RetryAfter { us: 1_200_000 }).reply();
        let error = &limited.http_json(ProtocolVersion::V10)["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!(429), &json!("RESOURCE_EXHAUSTED")));
        assert_eq!(error["details"][1]["retryDelay"], "2s");
        let faults = vec![fault("/message/parts", "at least one")];
        let wrong = Failure::Call(CallError::Params(faults)).reply();
        let error = &wrong.http_json(ProtocolVersion::V10)["error"];
        assert_eq!(error["details"][1]["fieldViolations"][0]["field"], "message.parts");
    }

    #[test]
    fn clients_of_0_3_find_the_code_and_the_name_where_they_look() {
        let body = Failure::Call(CallError::TaskNotFound).reply().http_json(ProtocolVersion::V03);
        assert_eq!(
            (&body["code"], &body["type"], &body["message"]),
            (&json!(-32001), &json!("TaskNotFoundError"), &json!("Task not found"))
        );
        assert_eq!(body["error"]["status"], "NOT_FOUND");
        let denied = Failure::Replayed.reply().http_json(ProtocolVersion::V03);
        assert_eq!((&denied["code"], denied.get("type")), (&json!(-32040), None));
    }
}
