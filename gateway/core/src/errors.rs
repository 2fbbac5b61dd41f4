//! What a caller is told when it does not get what it asked for: the one map of this role.
//!
//! Decides status, stable code and JSON-RPC error of every failure, exhaustively. Must never tell
//! a caller more than it may know: why a credential was denied, what the registry said, or any text
//! of ours that was written for operators.

mod table;

use proto_types::a2a::error::bad_request;
use proto_types::a2a::rpc::{ErrorObject, Id, Response};
use proto_types::a2a::{A2aError, SchemaError};
use serde_json::{Value, json};

use crate::admit::Denial;
use crate::gcra::RetryAfter;
use crate::params::Faults;
use crate::path::Method;
use crate::{credential, dispatch, path};

/// Every way in which a request fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The path has more than one reading.
    Path(path::Error),
    /// Nothing is there, or nothing that this caller may see.
    NotFound,
    /// The route answers another method.
    Method(Method),
    /// There is not exactly one credential of a form we know.
    Credential(credential::Error),
    /// The credential does not hold.
    Denied(Denial),
    /// The token was used before.
    Replayed,
    /// The bearer token of a local subscriber or operator is missing or wrong.
    NotOperator,
    /// The address sends more than one address may before it is known who asks.
    AddressLimit(RetryAfter),
    /// The peer sends more than it may.
    PeerLimit(RetryAfter),
    /// The body is longer than the route allows.
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The body ended early or could not be read.
    Body,
    /// The body is not of the type that the route takes.
    MediaType,
    /// The document is refused; where and why.
    Document(Faults),
    /// The document speaks for another than the caller.
    ForeignSource,
    /// The lease is over or was another one's.
    StaleLease,
    /// The registry cannot be reached, or cannot say whether a token was spent.
    RegistryAway,
    /// A queue of ours is full.
    Overloaded,
    /// The deadline passed.
    Deadline,
    /// A fault of ours.
    Internal,
    /// The call itself is refused, in A2A's terms.
    Call(CallError),
}

/// Why an A2A call is refused (A2A 1.0.1, section 5.4; JSON-RPC 2.0, section 5.1).
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// Not JSON that has one meaning.
    Parse,
    /// Not a JSON-RPC request; where and why, as far as it was one.
    Request(Faults),
    /// The method names no operation that is served.
    Operation(dispatch::Error),
    /// Parameters are wrong; where and why.
    Params(Faults),
    /// There is no such task, or it is another's.
    TaskNotFound,
    /// The task is over.
    TaskNotCancelable,
    /// The task takes no more messages.
    TaskOver,
    /// The agent's outcome cannot be shown.
    AgentResponse,
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; `docs/errors` has a page for each.
    pub code: &'static str,
    /// One sentence for people.
    pub message: &'static str,
    /// The JSON-RPC error.
    pub rpc: Rpc,
    /// When to come back, in seconds.
    pub retry_after_s: Option<u64>,
    /// What is wrong with the document, and where.
    pub faults: Vec<SchemaError>,
}

/// Which JSON-RPC error is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rpc {
    /// One that A2A or JSON-RPC names.
    A2a(A2aError),
    /// One of the edge.
    Edge(i32),
}

impl Failure {
    /// What the caller is told.
    #[must_use]
    pub fn told(&self) -> Told {
        table::told(self)
    }

    /// The precise code, for audit and counters only: it tells denials apart.
    #[must_use]
    pub fn audit_code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code(),
            Self::Replayed => "token_replayed",
            Self::AddressLimit(_) => "address_limited",
            Self::PeerLimit(_) => "peer_limited",
            _ => self.told().code,
        }
    }
}

impl Told {
    /// The body of type `application/problem+json` (RFC 9457). `error` is what Pilox clients read.
    #[must_use]
    pub fn problem(&self) -> Value {
        let mut body = json!({
            "type": format!("/docs/errors/{}", self.code),
            "title": self.message,
            "status": self.status,
            "code": self.code,
            "error": self.code.replace('-', "_"),
        });
        if let Some(secs) = self.retry_after_s {
            body["retryAfterSeconds"] = json!(secs);
        }
        if !self.faults.is_empty() {
            body["violations"] = json!(self.faults);
        }
        body
    }

    /// The JSON-RPC answer to the request of this id. A2A errors carry `ErrorInfo` (and, for
    /// parameters, `BadRequest`) in an array as A2A 1.0 has it (section 9.5); errors of the edge
    /// carry an object, where Pilox clients look for `retryAfterSeconds`.
    #[must_use]
    pub fn rpc(&self, id: &Id) -> Response {
        let error = match self.rpc {
            Rpc::A2a(error) => error.with_details(self.message, self.details(error)),
            Rpc::Edge(code) => {
                let mut data = json!({"code": self.code});
                if let Some(secs) = self.retry_after_s {
                    data["retryAfterSeconds"] = json!(secs);
                }
                ErrorObject { code, message: self.message.to_owned(), data: Some(data) }
            }
        };
        Response::error(id.clone(), error)
    }

    fn details(&self, error: A2aError) -> Vec<Value> {
        let served = dispatch::VERSIONS.join(",");
        let info = match error {
            A2aError::VersionNotSupported => {
                error.info(&[("code", self.code), ("supportedVersions", &served)])
            }
            _ => error.info(&[("code", self.code)]),
        };
        let faults = (!self.faults.is_empty()).then(|| bad_request(&self.faults));
        std::iter::once(info).chain(faults).collect()
    }
}

#[cfg(test)]
mod tests;
