//! The errors of A2A in all three bindings (specification 1.0.1, 5.4), and those of JSON-RPC.
//!
//! Decides the code, status and reason of each. Must never carry internal text: the message is the
//! caller's to choose, and the default one says no more than the name.

use serde_json::{Value, json};

use super::rpc::ErrorObject;
use crate::schema::SchemaError;

/// `domain` of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "a2a-protocol.org";

const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// Every error that A2A or JSON-RPC names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum A2aError {
    /// No such task, or none that the caller may see.
    #[error("task not found")]
    TaskNotFound,
    /// The task is past canceling.
    #[error("task cannot be canceled")]
    TaskNotCancelable,
    /// The agent does not push.
    #[error("push notifications are not supported")]
    PushNotificationNotSupported,
    /// The agent does not do this, or not with this task.
    #[error("operation not supported")]
    UnsupportedOperation,
    /// The agent does not take this media type.
    #[error("content type not supported")]
    ContentTypeNotSupported,
    /// The agent answered what A2A does not allow.
    #[error("invalid agent response")]
    InvalidAgentResponse,
    /// The agent says it has an extended card, and has none.
    #[error("no extended agent card is configured")]
    ExtendedAgentCardNotConfigured,
    /// The client does not do a required extension.
    #[error("a required extension is not supported by the client")]
    ExtensionSupportRequired,
    /// Not a version that we speak.
    #[error("protocol version not supported")]
    VersionNotSupported,
    /// Not JSON.
    #[error("parse error")]
    Parse,
    /// JSON, but no request.
    #[error("invalid request")]
    InvalidRequest,
    /// No such method.
    #[error("method not found")]
    MethodNotFound,
    /// The parameters are wrong.
    #[error("invalid params")]
    InvalidParams,
    /// Our fault.
    #[error("internal error")]
    Internal,
}

/// A gRPC status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcStatus {
    /// The number.
    pub code: i32,
    /// The name.
    pub name: &'static str,
}

const INVALID_ARGUMENT: GrpcStatus = GrpcStatus { code: 3, name: "INVALID_ARGUMENT" };
const NOT_FOUND: GrpcStatus = GrpcStatus { code: 5, name: "NOT_FOUND" };
const FAILED_PRECONDITION: GrpcStatus = GrpcStatus { code: 9, name: "FAILED_PRECONDITION" };
const UNIMPLEMENTED: GrpcStatus = GrpcStatus { code: 12, name: "UNIMPLEMENTED" };
const INTERNAL: GrpcStatus = GrpcStatus { code: 13, name: "INTERNAL" };

type Row = (A2aError, i32, &'static str, GrpcStatus, u16);

#[rustfmt::skip]
const TABLE: [Row; 14] = [
    (A2aError::TaskNotFound, -32001, "TASK_NOT_FOUND", NOT_FOUND, 404),
    (A2aError::TaskNotCancelable, -32002, "TASK_NOT_CANCELABLE", FAILED_PRECONDITION, 400),
    (A2aError::PushNotificationNotSupported, -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", FAILED_PRECONDITION, 400),
    (A2aError::UnsupportedOperation, -32004, "UNSUPPORTED_OPERATION", FAILED_PRECONDITION, 400),
    (A2aError::ContentTypeNotSupported, -32005, "CONTENT_TYPE_NOT_SUPPORTED", INVALID_ARGUMENT, 400),
    (A2aError::InvalidAgentResponse, -32006, "INVALID_AGENT_RESPONSE", INTERNAL, 500),
    (A2aError::ExtendedAgentCardNotConfigured, -32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED", FAILED_PRECONDITION, 400),
    (A2aError::ExtensionSupportRequired, -32008, "EXTENSION_SUPPORT_REQUIRED", FAILED_PRECONDITION, 400),
    (A2aError::VersionNotSupported, -32009, "VERSION_NOT_SUPPORTED", FAILED_PRECONDITION, 400),
    (A2aError::Parse, -32700, "PARSE", INVALID_ARGUMENT, 400),
    (A2aError::InvalidRequest, -32600, "INVALID_REQUEST", INVALID_ARGUMENT, 400),
    (A2aError::MethodNotFound, -32601, "METHOD_NOT_FOUND", UNIMPLEMENTED, 404),
    (A2aError::InvalidParams, -32602, "INVALID_PARAMS", INVALID_ARGUMENT, 400),
    (A2aError::Internal, -32603, "INTERNAL", INTERNAL, 500),
];

impl A2aError {
    /// Every error, those of A2A first.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.into_iter().map(|row| row.0)
    }

    /// The JSON-RPC code.
    #[must_use]
    pub fn jsonrpc_code(self) -> i32 {
        self.row().1
    }

    /// `reason` of the ErrorInfo: the name in upper snake case, without "Error".
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.row().2
    }

    /// The gRPC status.
    #[must_use]
    pub fn grpc_status(self) -> GrpcStatus {
        self.row().3
    }

    /// The HTTP status of the REST binding. JSON-RPC answers 200.
    #[must_use]
    pub fn http_status(self) -> u16 {
        self.row().4
    }

    /// The error of a JSON-RPC code that another server has sent.
    #[must_use]
    pub fn from_jsonrpc_code(code: i32) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// `google.rpc.ErrorInfo`. `metadata` is text by text.
    #[must_use]
    pub fn info(self, metadata: &[(&str, &str)]) -> Value {
        error_info(self.reason(), DOMAIN, metadata)
    }

    /// The error of a JSON-RPC response, with its ErrorInfo in `data`.
    #[must_use]
    pub fn object(self, message: impl Into<String>) -> ErrorObject {
        self.with_details(message, vec![self.info(&[])])
    }

    /// The same with other details.
    #[must_use]
    pub fn with_details(self, message: impl Into<String>, details: Vec<Value>) -> ErrorObject {
        let data = Some(Value::Array(details));
        ErrorObject { code: self.jsonrpc_code(), message: message.into(), data }
    }

    /// `InvalidParams` or another, with the faults as `google.rpc.BadRequest` in `data`.
    #[must_use]
    pub fn with_faults(self, faults: &[SchemaError]) -> ErrorObject {
        self.with_details(self.to_string(), vec![self.info(&[]), bad_request(faults)])
    }

    /// The body of the REST binding (11.6).
    #[must_use]
    pub fn rest_body(self, message: &str, details: Vec<Value>) -> Value {
        json!({ "error": {
            "code": self.http_status(),
            "status": self.grpc_status().name,
            "message": message,
            "details": details,
        }})
    }

    fn row(self) -> &'static Row {
        const ROWS: &[Row] = &TABLE;
        &ROWS[self as usize]
    }
}

/// `google.rpc.ErrorInfo` of any domain; `reason` is in upper snake case.
#[must_use]
pub fn error_info(reason: &str, domain: &str, metadata: &[(&str, &str)]) -> Value {
    let mut info = json!({ "@type": ERROR_INFO, "reason": reason, "domain": domain });
    if !metadata.is_empty() {
        let metadata = metadata.iter().map(|(name, text)| ((*name).to_owned(), json!(text)));
        info["metadata"] = Value::Object(metadata.collect());
    }
    info
}

/// `google.rpc.RetryInfo`: when to come back.
#[must_use]
pub fn retry_info(after_s: u64) -> Value {
    json!({ "@type": RETRY_INFO, "retryDelay": format!("{after_s}s") })
}

/// `google.rpc.BadRequest`: one violation a fault.
#[must_use]
pub fn bad_request(faults: &[SchemaError]) -> Value {
    let violation = |fault: &SchemaError| json!({ "field": fault.field(), "description": fault.problem.to_string() });
    let violations: Vec<Value> = faults.iter().map(violation).collect();
    json!({ "@type": BAD_REQUEST, "fieldViolations": violations })
}

// `row` indexes by discriminant: the table is in the order of the enum.
const _: () = {
    let mut at = 0;
    while at < TABLE.len() {
        assert!(TABLE[at].0 as usize == at, "the table is in the order of the enum");
        at += 1;
    }
};
