//! The table behind [`Failure::reply`](super::Failure::reply).
//!
//! Decides one row for each failure. Must never have a catch-all arm: a new failure must find its
//! row here or not compile.
//!
//! JSON-RPC codes: -32700 to -32600 are JSON-RPC's, -32001 to -32009 are A2A's, and -32040 to -32049
//! are our own for refusals at the edge: arbitrary, in the range that JSON-RPC leaves to servers.
//! -32005 is also what Pilox clients expect for a limit; nobody else is told it for one.

use proto_types::a2a::A2aError;

use super::{CallError, ErrorReply, Failure, Rpc};
use crate::credential;
use crate::dispatch;
use crate::params::Faults;

const UNAUTHENTICATED: i32 = -32040;
const FORBIDDEN: i32 = -32041;
const NOT_FOUND: i32 = -32042;
const REFUSED: i32 = -32043;
const TOO_LARGE: i32 = -32044;
const UNAVAILABLE: i32 = -32045;
const DEADLINE: i32 = -32046;
pub(super) const LIMITED: i32 = -32047;
/// What Pilox has in its place, with `data.retryAfterSeconds`.
pub(super) const LIMITED_OF_PILOX: i32 = -32005;
const INTERNAL: i32 = -32603;

/// How long a caller should leave us alone when a part of ours is away. Arbitrary; an election of
/// the registry takes about a second.
const AWAY_RETRY_S: u64 = 1;

/// Status, code, JSON-RPC error and sentence.
struct Row(u16, &'static str, Rpc, &'static str);

#[rustfmt::skip]
mod rows {
    use super::{A2aError as E, DEADLINE as GONE, FORBIDDEN, INTERNAL as OURS, NOT_FOUND, REFUSED, Row, TOO_LARGE as LARGE, UNAUTHENTICATED as WHO, UNAVAILABLE};
    use super::Rpc::{A2a, Edge, Limit};

    pub(super) const PATH: Row = Row(400, "path-ambiguous", Edge(REFUSED), "The path has more than one reading.");
    pub(super) const NOTHING: Row = Row(404, "not-found", Edge(NOT_FOUND), "There is nothing here.");
    pub(super) const METHOD: Row = Row(405, "method-not-allowed", Edge(REFUSED), "This path answers another method.");
    pub(super) const PRECONDITION: Row = Row(412, "precondition-failed", Edge(REFUSED), "The document has another version.");
    pub(super) const CREDENTIALS: Row = Row(400, "credential-ambiguous", Edge(REFUSED), "Send exactly one credential.");
    pub(super) const STRANGER: Row = Row(401, "unauthenticated", Edge(WHO), "A valid credential is required.");
    pub(super) const LIMIT: Row = Row(429, "rate-limited", Limit, "Too many requests; wait as stated.");
    pub(super) const BODY_SIZE: Row = Row(413, "body-too-large", Edge(LARGE), "The body is longer than this path allows.");
    pub(super) const BODY: Row = Row(400, "body-unreadable", Edge(REFUSED), "The body could not be read.");
    pub(super) const MEDIA: Row = Row(415, "media-type", A2a(E::ContentTypeNotSupported), "The body must be plain application/json.");
    pub(super) const DOCUMENT: Row = Row(400, "document-invalid", Edge(REFUSED), "The document is refused.");
    pub(super) const SOURCE: Row = Row(403, "source-mismatch", Edge(FORBIDDEN), "The source is not the caller.");
    pub(super) const LEASE: Row = Row(409, "lease-stale", Edge(REFUSED), "The lease is not this one any more.");
    pub(super) const AWAY: Row = Row(503, "registry-unavailable", Edge(UNAVAILABLE), "Not possible just now; try again.");
    pub(super) const FULL: Row = Row(503, "overloaded", Edge(UNAVAILABLE), "Too much at once; try again.");
    pub(super) const SHARE: Row = Row(429, "share-reached", Limit, "Your other requests hold all that one caller may; let some of them end.");
    pub(super) const LATE: Row = Row(504, "deadline-exceeded", Edge(GONE), "The deadline passed.");
    pub(super) const INTERNAL: Row = Row(500, "internal", Edge(OURS), "A fault of this gateway.");

    // Errors of the call itself travel with status 200, also where no call could be read: the
    // official Python SDK looks into the body only then (decision 27).
    pub(super) const JSON: Row = Row(200, "json-invalid", A2a(E::Parse), "Invalid JSON payload");
    pub(super) const REQUEST: Row = Row(200, "request-invalid", A2a(E::InvalidRequest), "Not one JSON-RPC 2.0 request");
    pub(super) const PARAMS: Row = Row(200, "params-invalid", A2a(E::InvalidParams), "Invalid parameters");
    pub(super) const TASK: Row = Row(200, "task-not-found", A2a(E::TaskNotFound), "Task not found");
    pub(super) const CANCEL: Row = Row(200, "task-not-cancelable", A2a(E::TaskNotCancelable), "Task cannot be canceled: it is over");
    pub(super) const OVER: Row = Row(200, "task-over", A2a(E::UnsupportedOperation), "The task takes no more messages: open a new one in its context");
    pub(super) const AGENT: Row = Row(200, "agent-response-invalid", A2a(E::InvalidAgentResponse), "The agent's answer cannot be shown");
    pub(super) const VERSION: Row = Row(200, "version-not-supported", A2a(E::VersionNotSupported), "This A2A version is not supported (a missing A2A-Version means 0.3); supported: 1.0");
    pub(super) const VERSIONS: Row = Row(200, "version-conflicting", A2a(E::VersionNotSupported), "More than one A2A version is stated, and they differ; supported: 1.0");
    pub(super) const CONTENT: Row = Row(200, "content-type-not-supported", A2a(E::ContentTypeNotSupported), "The agent does not take parts of this media type");
    pub(super) const LEGACY: Row = Row(200, "method-legacy", A2a(E::MethodNotFound), "This is a method of A2A 0.3, which is not supported yet; supported: 1.0");
    pub(super) const OPERATION: Row = Row(200, "operation-unsupported", A2a(E::UnsupportedOperation), "This operation is not supported yet");
    pub(super) const PUSH: Row = Row(200, "push-unsupported", A2a(E::PushNotificationNotSupported), "Push notifications are not supported yet");
    pub(super) const UNKNOWN: Row = Row(200, "method-unknown", A2a(E::MethodNotFound), "Method not found");
}

impl Row {
    fn reply(self) -> ErrorReply {
        let Self(status, code, rpc, message) = self;
        ErrorReply { status, code, message, rpc, retry_after_s: None, faults: Vec::new() }
    }

    fn after(self, secs: u64) -> ErrorReply {
        ErrorReply { retry_after_s: Some(secs), ..self.reply() }
    }

    fn with(self, faults: &Faults) -> ErrorReply {
        ErrorReply { faults: faults.clone(), ..self.reply() }
    }
}

pub(super) fn reply(failure: &Failure) -> ErrorReply {
    use credential::Error as Shown;
    match failure {
        Failure::Path(_) => rows::PATH.reply(),
        Failure::NotFound => rows::NOTHING.reply(),
        Failure::Method(_) => rows::METHOD.reply(),
        Failure::PreconditionFailed { .. } => rows::PRECONDITION.reply(),
        Failure::Credential(Shown::Several | Shown::UnderscoreTwin) => rows::CREDENTIALS.reply(),
        Failure::Credential(Shown::Missing | Shown::Scheme | Shown::Text)
        | Failure::Denied(_)
        | Failure::Replayed
        | Failure::NotOperator => rows::STRANGER.reply(),
        Failure::AddressLimit(retry) | Failure::PeerLimit(retry) => rows::LIMIT.after(retry.secs()),
        Failure::TooLarge { .. } => rows::BODY_SIZE.reply(),
        Failure::Body => rows::BODY.reply(),
        Failure::MediaType => rows::MEDIA.reply(),
        Failure::Document(faults) => rows::DOCUMENT.with(faults),
        Failure::ForeignSource => rows::SOURCE.reply(),
        Failure::StaleLease => rows::LEASE.reply(),
        Failure::RegistryAway => rows::AWAY.after(AWAY_RETRY_S),
        Failure::Overloaded => rows::FULL.after(AWAY_RETRY_S),
        Failure::ShareReached => rows::SHARE.after(AWAY_RETRY_S),
        Failure::Deadline => rows::LATE.reply(),
        Failure::Internal => rows::INTERNAL.reply(),
        Failure::Call(error) => call(error),
    }
}

fn call(error: &CallError) -> ErrorReply {
    match error {
        CallError::Parse => rows::JSON.reply(),
        CallError::Request(faults) => rows::REQUEST.with(faults),
        CallError::Operation(dispatch::Error::Version) => rows::VERSION.reply(),
        CallError::Operation(dispatch::Error::VersionConflict) => rows::VERSIONS.reply(),
        CallError::Operation(dispatch::Error::Legacy) => rows::LEGACY.reply(),
        CallError::Operation(dispatch::Error::Unsupported) => rows::OPERATION.reply(),
        CallError::Operation(dispatch::Error::PushNotifications) => rows::PUSH.reply(),
        CallError::Operation(dispatch::Error::Unknown) => rows::UNKNOWN.reply(),
        CallError::Params(faults) => rows::PARAMS.with(faults),
        CallError::ContentType(faults) => rows::CONTENT.with(faults),
        CallError::TaskNotFound => rows::TASK.reply(),
        CallError::TaskNotCancelable => rows::CANCEL.reply(),
        CallError::TaskOver => rows::OVER.reply(),
        CallError::AgentResponse => rows::AGENT.reply(),
    }
}
