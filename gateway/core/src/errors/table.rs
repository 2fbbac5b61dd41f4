//! The table behind [`Failure::reply`](super::Failure::reply).
//!
//! Decides one row for each failure. Must never have a catch-all arm: a new failure must find its
//! row here or not compile.
//!
//! JSON-RPC codes: -32700 to -32600 are JSON-RPC's, -32001 to -32009 are A2A's, and -32040 to -32049
//! are our own for refusals at the edge: arbitrary, in the range that JSON-RPC leaves to servers.
//! -32005 is also what Pilox clients expect for a limit; nobody else is told it for one.

use std::borrow::Cow;

use proto_types::Code;
use proto_types::a2a::A2aError;

use super::{BodyFault, CallError, ErrorReply, Failure, Forbidden, Rpc};
use crate::credential;
use crate::denial::Denial;
use crate::dispatch;
use crate::gcra::RetryAfter;
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

/// How long a caller should leave us alone when a part of ours, or the agent behind us, is away. Arbitrary; an election of
/// the registry takes about a second.
const AWAY_RETRY_S: u64 = 1;

/// The title of the code speaks of versions.
const ATTACHED: &str =
    "This operation is not supported for this agent, which is attached: it keeps its tasks itself";

pub(super) fn reply(failure: &Failure) -> ErrorReply {
    use Failure::{AddressLimit, ClientLimit, PeerLimit};
    match failure {
        Failure::Path(_) => edge(Code::PathAmbiguous, REFUSED),
        Failure::NotFound => edge(Code::NotFound, NOT_FOUND),
        Failure::Method(_) => edge(Code::MethodNotAllowed, REFUSED),
        Failure::PreconditionFailed { .. } => edge(Code::PreconditionFailed, REFUSED),
        Failure::Credential(error) => of_credential(error),
        Failure::Denied(denial) => of_denied(denial),
        Failure::Replayed | Failure::NotOperator => unauthenticated(),
        AddressLimit(retry) | PeerLimit(retry) | ClientLimit(retry) => limited(*retry),
        Failure::Forbidden(why) => of_forbidden(*why),
        Failure::Body(fault) => of_body(*fault),
        Failure::NotJson(faults) => edge(Code::MalformedJson, REFUSED).with(faults),
        Failure::Document(faults) => edge(Code::InvalidDocument, REFUSED).with(faults),
        Failure::Argument(faults) => edge(Code::InvalidArgument, REFUSED).with(faults),
        Failure::StaleLease => edge(Code::NotLeased, REFUSED),
        Failure::RegistryAway => away(Code::RegistryUnavailable),
        Failure::Overloaded => away(Code::Overloaded),
        Failure::ShareReached => told(Code::ShareReached, Rpc::Limit).after(AWAY_RETRY_S),
        Failure::UpstreamUnreachable => away(Code::UpstreamUnreachable),
        Failure::UpstreamOverloaded => away(Code::UpstreamOverloaded),
        Failure::UpstreamTimeout => edge(Code::UpstreamTimeout, DEADLINE),
        Failure::LoopDetected => edge(Code::LoopDetected, REFUSED),
        Failure::Deadline => edge(Code::DeadlineExceeded, DEADLINE),
        Failure::Stopping => away(Code::Stopping),
        Failure::Internal => edge(Code::Internal, INTERNAL),
        Failure::Call(error) => of_call(error),
    }
}

fn of_credential(error: &credential::Error) -> ErrorReply {
    use credential::Error::{Missing, Scheme, Several, Text, UnderscoreTwin};
    match error {
        Several | UnderscoreTwin => edge(Code::CredentialAmbiguous, REFUSED),
        Missing | Scheme | Text => unauthenticated(),
    }
}

/// What else is wrong with a credential is told to nobody.
fn of_denied(denial: &Denial) -> ErrorReply {
    match denial {
        Denial::HolderAway => away(Code::GatewayUnavailable),
        denial if denial.needs_nonce() => edge(Code::UseNonce, UNAUTHENTICATED),
        _ => unauthenticated(),
    }
}

fn of_forbidden(why: Forbidden) -> ErrorReply {
    let code = match why {
        Forbidden::NotByFront => Code::GatewayAuthRequired,
        Forbidden::MethodNotGranted => Code::MethodNotGranted,
        Forbidden::PolicyDenied => Code::PolicyDenied,
        Forbidden::ForeignSource => Code::SourceMismatch,
    };
    edge(code, FORBIDDEN)
}

fn of_body(fault: BodyFault) -> ErrorReply {
    match fault {
        BodyFault::TooLarge { .. } => edge(Code::BodyTooLarge, TOO_LARGE),
        BodyFault::Unreadable => edge(Code::BodyUnreadable, REFUSED),
        BodyFault::MediaType => media_type(),
        BodyFault::Compressed => edge(Code::MessageCompressed, REFUSED),
    }
}

fn limited(retry: RetryAfter) -> ErrorReply {
    told(Code::RateLimited, Rpc::Limit).after(retry.secs())
}

fn media_type() -> ErrorReply {
    told(Code::UnsupportedMediaType, Rpc::A2a(A2aError::ContentTypeNotSupported))
}

/// A part of ours, or of the agent's, that is to be asked again.
fn away(code: Code) -> ErrorReply {
    edge(code, UNAVAILABLE).after(AWAY_RETRY_S)
}

fn unauthenticated() -> ErrorReply {
    edge(Code::Unauthenticated, UNAUTHENTICATED)
}

fn of_call(error: &CallError) -> ErrorReply {
    match error {
        CallError::Parse => call(Code::MalformedJson, A2aError::Parse),
        CallError::Request(faults) => {
            call(Code::RequestInvalid, A2aError::InvalidRequest).with(faults)
        }
        CallError::Operation(error) => of_operation(*error),
        CallError::Params(faults) => {
            call(Code::ParamsInvalid, A2aError::InvalidParams).with(faults)
        }
        CallError::ContentType(faults) => {
            call(Code::ContentTypeNotSupported, A2aError::ContentTypeNotSupported).with(faults)
        }
        CallError::TaskNotFound => call(Code::TaskNotFound, A2aError::TaskNotFound),
        CallError::TaskNotCancelable => call(Code::TaskNotCancelable, A2aError::TaskNotCancelable),
        CallError::TaskOver => call(Code::TaskOver, A2aError::UnsupportedOperation),
        CallError::TaskEnded => call(Code::TaskEnded, A2aError::UnsupportedOperation),
        CallError::AgentResponse => {
            call(Code::AgentResponseInvalid, A2aError::InvalidAgentResponse)
        }
        CallError::Upstream(error, text) => of_upstream(*error).saying(text.clone()),
        CallError::NoFederationKey => edge(Code::FederationKeyMissing, UNAVAILABLE),
        CallError::AttachedUnsupported => {
            call(Code::OperationUnsupported, A2aError::UnsupportedOperation).saying(ATTACHED)
        }
    }
}

/// The agent's error keeps its name; the code says as much of it as one of ours does.
fn of_upstream(error: A2aError) -> ErrorReply {
    let code = match error {
        A2aError::TaskNotFound => Code::TaskNotFound,
        A2aError::TaskNotCancelable => Code::TaskNotCancelable,
        A2aError::PushNotificationNotSupported => Code::PushUnsupported,
        A2aError::ContentTypeNotSupported => Code::ContentTypeNotSupported,
        A2aError::InvalidParams => Code::ParamsInvalid,
        A2aError::UnsupportedOperation
        | A2aError::ExtendedAgentCardNotConfigured
        | A2aError::ExtensionSupportRequired => Code::OperationUnsupported,
        A2aError::InvalidAgentResponse
        | A2aError::VersionNotSupported
        | A2aError::Parse
        | A2aError::InvalidRequest
        | A2aError::MethodNotFound
        | A2aError::Internal => Code::AgentResponseInvalid,
    };
    call(code, error)
}

fn of_operation(error: dispatch::Error) -> ErrorReply {
    use dispatch::Error;
    match error {
        Error::Version => call(Code::VersionNotSupported, A2aError::VersionNotSupported),
        Error::VersionConflict => call(Code::VersionConflicting, A2aError::VersionNotSupported),
        Error::Legacy => call(Code::MethodLegacy, A2aError::MethodNotFound),
        Error::Unsupported => call(Code::OperationUnsupported, A2aError::UnsupportedOperation),
        Error::PushNotifications => {
            call(Code::PushUnsupported, A2aError::PushNotificationNotSupported)
        }
        Error::Unknown => call(Code::MethodUnknown, A2aError::MethodNotFound),
    }
}

/// A refusal that is no error of A2A's.
fn edge(code: Code, rpc: i32) -> ErrorReply {
    told(code, Rpc::Edge(rpc))
}

/// An error of the call itself. It travels with 200 over JSON-RPC, also where no call could be read: the official Python
/// SDK looks into the body only then (decision 27); over HTTP+JSON by the gRPC status
/// (`gateway/core/src/errors/http_json.rs`).
fn call(code: Code, error: A2aError) -> ErrorReply {
    ErrorReply { status: 200, ..told(code, Rpc::A2a(error)) }
}

fn told(code: Code, rpc: Rpc) -> ErrorReply {
    let (status, message) = (code.status(), Cow::Borrowed(code.title()));
    ErrorReply { status, code, message, rpc, retry_after_s: None, faults: Vec::new() }
}

impl ErrorReply {
    fn after(self, secs: u64) -> Self {
        Self { retry_after_s: Some(secs), ..self }
    }

    fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..self }
    }

    fn with(self, faults: &Faults) -> Self {
        Self { faults: faults.clone(), ..self }
    }
}
