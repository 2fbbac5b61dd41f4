//! The table behind [`Failure::told`](super::Failure::told).
//!
//! Decides one row for each failure. Must never have a catch-all arm: a new failure must find its
//! row here or not compile.
//!
//! JSON-RPC codes: -32700 to -32600 are JSON-RPC's, -32001 to -32009 are A2A's, -32005 is also what
//! Pilox clients expect for a limit (an HTTP status of 429 tells the two apart), and -32040 to -32049
//! are our own for refusals at the edge: arbitrary, in the range that JSON-RPC leaves to servers.

use super::{CallError, Failure, Told};
use crate::credential;
use crate::dispatch;
use crate::violation::Violations;

const UNAUTHENTICATED: i32 = -32040;
const FORBIDDEN: i32 = -32041;
const NOT_FOUND: i32 = -32042;
const REFUSED: i32 = -32043;
const TOO_LARGE: i32 = -32044;
const UNAVAILABLE: i32 = -32045;
const DEADLINE: i32 = -32046;
/// Protocol.md: limits answer 429 as this error with `data.retryAfterSeconds`.
const LIMITED: i32 = -32005;
const INTERNAL: i32 = -32603;

/// How long a caller should leave us alone when a part of ours is away. Arbitrary; an election of
/// the registry takes about a second.
const AWAY_RETRY_S: u64 = 1;

fn row(status: u16, code: &'static str, rpc_code: i32, message: &'static str) -> Told {
    let (reason, retry_after_s, violations) = (None, None, Violations::default());
    Told { status, code, message, rpc_code, reason, retry_after_s, violations }
}

pub(super) fn told(failure: &Failure) -> Told {
    match failure {
        Failure::Path(_) => {
            row(400, "path-ambiguous", REFUSED, "The path has more than one reading.")
        }
        Failure::NotFound => row(404, "not-found", NOT_FOUND, "There is nothing here."),
        Failure::Method(_) => {
            row(405, "method-not-allowed", REFUSED, "This path answers another method.")
        }
        Failure::Credential(credential::Error::Several | credential::Error::UnderscoreTwin) => {
            row(400, "credential-ambiguous", REFUSED, "Send exactly one credential.")
        }
        Failure::Credential(
            credential::Error::Missing | credential::Error::Scheme | credential::Error::Text,
        )
        | Failure::Denied(_)
        | Failure::Replayed
        | Failure::NotOperator => {
            row(401, "unauthenticated", UNAUTHENTICATED, "A valid credential is required.")
        }
        Failure::AddressLimit(retry) | Failure::PeerLimit(retry) => Told {
            retry_after_s: Some(retry.secs()),
            ..row(429, "rate-limited", LIMITED, "Too many requests; wait as stated.")
        },
        Failure::TooLarge { .. } => {
            row(413, "body-too-large", TOO_LARGE, "The body is longer than this path allows.")
        }
        Failure::Body => row(400, "body-unreadable", REFUSED, "The body could not be read."),
        Failure::MediaType => row(415, "media-type", REFUSED, "The body must be application/json."),
        Failure::Document(violations) => Told {
            violations: violations.clone(),
            ..row(400, "document-invalid", REFUSED, "The document is refused.")
        },
        Failure::ForeignSource => {
            row(403, "source-mismatch", FORBIDDEN, "The source is not the caller.")
        }
        Failure::StaleLease => {
            row(409, "lease-stale", REFUSED, "The lease is not this one any more.")
        }
        Failure::RegistryAway => Told {
            retry_after_s: Some(AWAY_RETRY_S),
            ..row(503, "registry-unavailable", UNAVAILABLE, "Not possible just now; try again.")
        },
        Failure::Overloaded => Told {
            retry_after_s: Some(AWAY_RETRY_S),
            ..row(503, "overloaded", UNAVAILABLE, "Too much at once; try again.")
        },
        Failure::Deadline => row(504, "deadline-exceeded", DEADLINE, "The deadline passed."),
        Failure::Internal => row(500, "internal", INTERNAL, "A fault of this gateway."),
        Failure::Call(error) => call(error),
    }
}

/// Errors of the call itself travel with status 200, except where no call could be read: the
/// official SDKs look into the body only then.
fn call(error: &CallError) -> Told {
    let a2a = |code, rpc_code, reason, message| Told {
        reason: Some(reason),
        ..row(200, code, rpc_code, message)
    };
    match error {
        CallError::Parse => {
            Told { status: 400, ..a2a("json-invalid", -32700, "PARSE", "Invalid JSON payload") }
        }
        CallError::Request(problem) => Told {
            status: 400,
            violations: Violations::one("request", *problem),
            ..a2a("request-invalid", -32600, "INVALID_REQUEST", "Request payload validation error")
        },
        CallError::Operation(error) => operation(*error, a2a),
        CallError::Params(violations) => Told {
            violations: violations.clone(),
            ..a2a("params-invalid", -32602, "INVALID_PARAMS", "Invalid parameters")
        },
        CallError::TaskNotFound => {
            a2a("task-not-found", -32001, "TASK_NOT_FOUND", "Task not found")
        }
        CallError::TaskNotCancelable => a2a(
            "task-not-cancelable",
            -32002,
            "TASK_NOT_CANCELABLE",
            "Task cannot be canceled: it is over",
        ),
        CallError::TaskOver => a2a(
            "task-over",
            -32004,
            "UNSUPPORTED_OPERATION",
            "The task takes no more messages: open a new one in its context",
        ),
        CallError::AgentResponse => a2a(
            "agent-response-invalid",
            -32006,
            "INVALID_AGENT_RESPONSE",
            "The agent's answer cannot be shown",
        ),
    }
}

fn operation(
    error: dispatch::Error,
    a2a: impl Fn(&'static str, i32, &'static str, &'static str) -> Told,
) -> Told {
    match error {
        dispatch::Error::Version => a2a(
            "version-not-supported",
            -32009,
            "VERSION_NOT_SUPPORTED",
            "This A2A version is not supported (a missing A2A-Version means 0.3); supported: 1.0",
        ),
        dispatch::Error::Legacy => a2a(
            "method-legacy",
            -32601,
            "METHOD_NOT_FOUND",
            "This is a method of A2A 0.3, which is not supported yet; supported: 1.0",
        ),
        dispatch::Error::Unsupported => a2a(
            "operation-unsupported",
            -32004,
            "UNSUPPORTED_OPERATION",
            "This operation is not supported yet",
        ),
        dispatch::Error::PushNotifications => a2a(
            "push-unsupported",
            -32003,
            "PUSH_NOTIFICATION_NOT_SUPPORTED",
            "Push notifications are not supported yet",
        ),
        dispatch::Error::Unknown => {
            a2a("method-unknown", -32601, "METHOD_NOT_FOUND", "Method not found")
        }
    }
}
