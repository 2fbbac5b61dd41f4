//! Why an upstream has not answered what was asked.
//!
//! Decides which errors are the caller's to know, with the agent's own text, and which are told to the operator alone. Must
//! never pass on what an upstream says of our credentials or of our form, nor a text of any length.

use proto_types::a2a::A2aError;
use proto_types::a2a::rpc::ErrorObject;
use serde_json::Value;

use super::UnknownTask;
use crate::errors::{CallError, Failure};
use crate::sealed::TooLong;

/// How much of the agent's text is told. Arbitrary: a sentence or two.
const TEXT_CHARS_MAX: usize = 512;

/// Why there is no answer. Its text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// The agent refuses the call, and says why: its caller is told the same.
    #[error("the agent refuses: {0}: {1}")]
    Refused(A2aError, String),
    /// It is no answer of A2A, or one that the caller can do nothing about.
    #[error("the agent's answer cannot be used: {0}")]
    NotA2a(String),
    /// The agent does not let the gateway in: its credential is missing or wrong.
    #[error("the agent does not let the gateway in: see gateway.upstreams.credentials")]
    Denied,
    /// The agent, or what stands before it, cannot answer now.
    #[error("the agent answers with HTTP status {0}")]
    Unavailable(u16),
}

/// What an error of JSON-RPC means.
pub(super) fn of_rpc(error: &ErrorObject) -> UpstreamFault {
    match A2aError::from_code(error.code) {
        Some(known) => refused(known, &error.message),
        None => UpstreamFault::NotA2a(format!("{}: {}", error.code, plain(&error.message))),
    }
}

/// What an error of HTTP+JSON means, if it is one of A2A: in 1.0 its reason says so (11.6); servers of 0.3 name it by code
/// or type, and others by the type of problem details.
pub(super) fn of_http_json(body: &Value) -> Option<UpstreamFault> {
    let error = inner(body);
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let mut reasons = details.filter_map(|detail| text(detail, "reason"));
    let by_reason = reasons.find_map(A2aError::named);
    let code = error.get("code").and_then(Value::as_i64);
    let by_code = code.and_then(|code| A2aError::from_code(i32::try_from(code).ok()?));
    let by_type = || A2aError::named(text(error, "type")?);
    let known = by_reason.or(by_code).or_else(by_type)?;
    Some(refused(known, said(error).unwrap_or_default()))
}

/// The same of an answer with this status; if it is no error of A2A, the operator reads what it says.
pub(super) fn of_error(status: u16, body: &Value) -> UpstreamFault {
    of_http_json(body).unwrap_or_else(|| {
        let said = said(inner(body)).map(|text| format!(": {}", plain(text)));
        UpstreamFault::NotA2a(format!("HTTP status {status}{}", said.unwrap_or_default()))
    })
}

fn inner(body: &Value) -> &Value {
    body.get("error").filter(|error| error.is_object()).unwrap_or(body)
}

/// What an error says to people.
fn said(error: &Value) -> Option<&str> {
    ["message", "detail", "title"].into_iter().find_map(|name| text(error, name))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// What the caller is told where the agent names an error.
fn refused(error: A2aError, text: &str) -> UpstreamFault {
    let text = match plain(text) {
        empty if empty.is_empty() => error.to_string(),
        text => text,
    };
    match error {
        // The form of the request is ours, and so is the version; and what has failed in the agent is for its operator.
        A2aError::Parse
        | A2aError::InvalidRequest
        | A2aError::VersionNotSupported
        | A2aError::Internal => UpstreamFault::NotA2a(format!("{error}: {text}")),
        // We know the method, the agent does not have it.
        A2aError::MethodNotFound => UpstreamFault::Refused(A2aError::UnsupportedOperation, text),
        error => UpstreamFault::Refused(error, text),
    }
}

/// A foreign text, as it may be shown.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(TEXT_CHARS_MAX).collect()
}

impl From<UpstreamFault> for Failure {
    fn from(fault: UpstreamFault) -> Self {
        match fault {
            UpstreamFault::Refused(error, text) => Self::Call(CallError::Upstream(error, text)),
            UpstreamFault::NotA2a(_) | UpstreamFault::Denied => {
                Self::Call(CallError::AgentResponse)
            }
            UpstreamFault::Unavailable(429 | 503) => Self::UpstreamOverloaded,
            UpstreamFault::Unavailable(504) => Self::UpstreamTimeout,
            UpstreamFault::Unavailable(_) => Self::UpstreamUnreachable,
        }
    }
}

impl From<UnknownTask> for CallError {
    fn from(UnknownTask: UnknownTask) -> Self {
        Self::TaskNotFound
    }
}

impl From<UnknownTask> for Failure {
    fn from(unknown: UnknownTask) -> Self {
        Self::Call(unknown.into())
    }
}

impl From<TooLong> for CallError {
    fn from(TooLong: TooLong) -> Self {
        Self::AgentResponse
    }
}

impl From<TooLong> for Failure {
    fn from(too_long: TooLong) -> Self {
        Self::Call(too_long.into())
    }
}
