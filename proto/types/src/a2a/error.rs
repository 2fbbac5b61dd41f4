//! The errors of A2A in its JSON-RPC binding (specification 1.0.1, 5.4), and those of JSON-RPC.
//!
//! Decides the code and reason of each. Must never carry internal text: the message is the
//! caller's to choose, and the default one says no more than the name.

use serde_json::{Value, json};

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

type Row = (A2aError, i32, &'static str);

/// Every error, those of A2A first, with its code and its reason.
pub(super) const TABLE: [Row; 14] = [
    (A2aError::TaskNotFound, -32001, "TASK_NOT_FOUND"),
    (A2aError::TaskNotCancelable, -32002, "TASK_NOT_CANCELABLE"),
    (A2aError::PushNotificationNotSupported, -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
    (A2aError::UnsupportedOperation, -32004, "UNSUPPORTED_OPERATION"),
    (A2aError::ContentTypeNotSupported, -32005, "CONTENT_TYPE_NOT_SUPPORTED"),
    (A2aError::InvalidAgentResponse, -32006, "INVALID_AGENT_RESPONSE"),
    (A2aError::ExtendedAgentCardNotConfigured, -32007, "EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
    (A2aError::ExtensionSupportRequired, -32008, "EXTENSION_SUPPORT_REQUIRED"),
    (A2aError::VersionNotSupported, -32009, "VERSION_NOT_SUPPORTED"),
    (A2aError::Parse, -32700, "PARSE"),
    (A2aError::InvalidRequest, -32600, "INVALID_REQUEST"),
    (A2aError::MethodNotFound, -32601, "METHOD_NOT_FOUND"),
    (A2aError::InvalidParams, -32602, "INVALID_PARAMS"),
    (A2aError::Internal, -32603, "INTERNAL"),
];

impl A2aError {
    /// The error of a JSON-RPC code.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The error that a name means: its reason, the name of the specification with which servers of 0.3 answer
    /// (`TaskNotFoundError`), or a URI that ends with it (`https://a2a-protocol.org/errors/task-not-found`).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        fn letters(text: &str) -> impl Iterator<Item = u8> {
            text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
        }
        let last = name.rsplit('/').next().unwrap_or(name);
        let last = last.strip_suffix("Error").unwrap_or(last);
        TABLE.iter().find(|row| letters(row.2).eq(letters(last))).map(|row| row.0)
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

    /// `google.rpc.ErrorInfo`. `metadata` is text by text.
    #[must_use]
    pub fn info(self, metadata: &[(&str, &str)]) -> Value {
        error_info(self.reason(), DOMAIN, metadata)
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
