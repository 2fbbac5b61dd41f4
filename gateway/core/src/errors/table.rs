//! The table behind [`Failure::told`](super::Failure::told).
//!
//! Decides one row for each failure. Must never have a catch-all arm: a new failure must find its
//! row here or not compile.
//!
//! JSON-RPC codes: -32700 to -32600 are JSON-RPC's, -32001 to -32009 are A2A's, -32005 is also what
//! Pilox clients expect for a limit (an HTTP status of 429 tells the two apart), and -32040 to -32049
//! are our own for refusals at the edge: arbitrary, in the range that JSON-RPC leaves to servers.

use proto_types::a2a::A2aError;

use super::{CallError, Failure, Rpc, Told};
use crate::credential;
use crate::dispatch;

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
    let (retry_after_s, faults) = (None, Vec::new());
    Told { status, code, message, rpc: Rpc::Edge(rpc_code), retry_after_s, faults }
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
        Failure::MediaType => Told {
            rpc: Rpc::A2a(A2aError::ContentTypeNotSupported),
            ..row(415, "media-type", REFUSED, "The body must be plain application/json.")
        },
        Failure::Document(faults) => Told {
            faults: faults.clone(),
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
    match error {
        CallError::Parse => {
            Told { status: 400, ..a2a(A2aError::Parse, "json-invalid", "Invalid JSON payload") }
        }
        CallError::Request(faults) => Told {
            status: 400,
            faults: faults.clone(),
            ..a2a(A2aError::InvalidRequest, "request-invalid", "Not one JSON-RPC 2.0 request")
        },
        CallError::Operation(error) => operation(*error),
        CallError::Params(faults) => Told {
            faults: faults.clone(),
            ..a2a(A2aError::InvalidParams, "params-invalid", "Invalid parameters")
        },
        CallError::TaskNotFound => a2a(A2aError::TaskNotFound, "task-not-found", "Task not found"),
        CallError::TaskNotCancelable => a2a(
            A2aError::TaskNotCancelable,
            "task-not-cancelable",
            "Task cannot be canceled: it is over",
        ),
        CallError::TaskOver => a2a(
            A2aError::UnsupportedOperation,
            "task-over",
            "The task takes no more messages: open a new one in its context",
        ),
        CallError::AgentResponse => a2a(
            A2aError::InvalidAgentResponse,
            "agent-response-invalid",
            "The agent's answer cannot be shown",
        ),
    }
}

fn operation(error: dispatch::Error) -> Told {
    match error {
        dispatch::Error::Version => a2a(
            A2aError::VersionNotSupported,
            "version-not-supported",
            "This A2A version is not supported (a missing A2A-Version means 0.3); supported: 1.0",
        ),
        dispatch::Error::Legacy => a2a(
            A2aError::MethodNotFound,
            "method-legacy",
            "This is a method of A2A 0.3, which is not supported yet; supported: 1.0",
        ),
        dispatch::Error::Unsupported => a2a(
            A2aError::UnsupportedOperation,
            "operation-unsupported",
            "This operation is not supported yet",
        ),
        dispatch::Error::PushNotifications => a2a(
            A2aError::PushNotificationNotSupported,
            "push-unsupported",
            "Push notifications are not supported yet",
        ),
        dispatch::Error::Unknown => {
            a2a(A2aError::MethodNotFound, "method-unknown", "Method not found")
        }
    }
}

fn a2a(error: A2aError, code: &'static str, message: &'static str) -> Told {
    Told { rpc: Rpc::A2a(error), ..row(200, code, error.jsonrpc_code(), message) }
}
