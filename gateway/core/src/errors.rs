//! What a caller is told when it does not get what it asked for: the one map of this role.
//!
//! Decides status, stable code and JSON-RPC error of every failure, exhaustively. Must never tell
//! a caller more than it may know: why a credential was denied, what the registry said, or any text
//! of ours that was written for operators.

mod call;
mod http_json;
mod kinds;
mod table;

use std::borrow::Cow;

use proto_types::a2a::error::{DOMAIN as A2A_DOMAIN, bad_request, error_info, retry_info};
use proto_types::a2a::rpc::{ErrorObject, Id, Response};
use proto_types::a2a::{A2aError, SchemaError};
use proto_types::grpc::GrpcStatus;
use proto_types::{Code, Full};
use serde_json::{Value, json};

pub use self::call::CallError;
pub(crate) use self::http_json::http_status_of;
pub use self::kinds::{BodyFault, Forbidden};
use crate::denial::Denial;
use crate::gcra::RetryAfter;
use crate::params::Faults;
use crate::path::Methods;
use crate::{credential, dispatch, path};

/// Every way in which a request fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The path has more than one reading.
    Path(path::Error),
    /// Nothing is there, or nothing that this caller may see.
    NotFound,
    /// The route answers other methods.
    Method(Methods),
    /// The document is of another version than `If-Match` names.
    PreconditionFailed {
        /// The tag that it has.
        etag: String,
    },
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
    /// Who is no peer sends more than it may.
    ClientLimit(RetryAfter),
    /// The caller may not do what it asks for.
    Forbidden(Forbidden),
    /// The body is refused, whatever it says.
    Body(BodyFault),
    /// The document is not strict JSON; where and why.
    NotJson(Faults),
    /// The document is refused; where and why.
    Document(Faults),
    /// The path or the query is refused; where and why.
    Argument(Faults),
    /// The lease is over or was another one's.
    StaleLease,
    /// The registry cannot be reached, or cannot say whether a token was spent.
    RegistryAway,
    /// A queue of ours is full.
    Overloaded,
    /// The caller has its share of something that all use.
    ShareReached,
    /// No replica of an attached agent can be reached.
    UpstreamUnreachable,
    /// An attached agent has as many calls as may be open, or says that it takes no more.
    UpstreamOverloaded,
    /// An attached agent has not answered in time.
    UpstreamTimeout,
    /// The call has passed this gateway before, or as many gateways as it may.
    LoopDetected,
    /// The deadline passed.
    Deadline,
    /// This gateway stops.
    Stopping,
    /// A fault of ours.
    Internal,
    /// The call itself is refused, in A2A's terms.
    Call(CallError),
}

/// What a caller gets instead of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorReply {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; `docs/errors` has a page for each.
    pub code: Code,
    /// One sentence for people: ours, or that of the agent behind us.
    pub message: Cow<'static, str>,
    /// The JSON-RPC error.
    pub rpc: Rpc,
    /// When to come back, in seconds.
    pub retry_after_s: Option<u64>,
    /// What is wrong with the document, and where.
    pub faults: Vec<SchemaError>,
}

/// What `google.rpc.ErrorInfo` says of an error, in every form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    /// The name of the error, in upper snake case.
    pub reason: String,
    /// Who names it so.
    pub domain: &'static str,
    /// More of it: text by text.
    pub metadata: Vec<(&'static str, String)>,
}

/// Which JSON-RPC error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rpc {
    /// One that A2A or JSON-RPC names.
    A2a(A2aError),
    /// One of the edge.
    Edge(i32),
    /// A limit, which has another code for each reader.
    Limit,
}

/// Who reads a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// An A2A client.
    A2a,
    /// A Pilox client: it came by a path of Pilox, or with a header of Pilox.
    Pilox,
}

impl Reader {
    /// Who reads, by the path and the names of the headers, in lower case.
    pub fn of<'r>(path: &str, mut headers: impl Iterator<Item = &'r str>) -> Self {
        let is_pilox = |name: &str| name.starts_with("x-hive-") || name.starts_with("x-pilox-");
        match path.starts_with("/api/") || headers.any(is_pilox) {
            true => Self::Pilox,
            false => Self::A2a,
        }
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Self {
        match full {
            Full::Share => Self::ShareReached,
            Full::Pool => Self::Overloaded,
        }
    }
}

impl Failure {
    /// What the caller gets instead of an answer.
    #[must_use]
    pub fn reply(&self) -> ErrorReply {
        table::reply(self)
    }

    /// The precise code, for audit and counters only: it tells denials apart.
    #[must_use]
    pub fn audit_code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code(),
            Self::Replayed => "token_replayed",
            Self::AddressLimit(_) => "address_limited",
            Self::PeerLimit(_) => "peer_limited",
            Self::ClientLimit(_) => "client_limited",
            _ => self.reply().code.as_str(),
        }
    }
}

impl ErrorReply {
    /// The status over gRPC, and its name in the errors of HTTP+JSON (A2A 1.0.1, section 5.4).
    #[must_use]
    pub fn grpc(&self) -> GrpcStatus {
        // What is said over neither has none.
        self.code.grpc().unwrap_or(GrpcStatus::Internal)
    }

    /// The body of type `application/problem+json` (RFC 9457). `error` is what Pilox clients read.
    #[must_use]
    pub fn problem(&self) -> Value {
        let mut body = json!({
            "type": format!("/docs/errors/{}", self.code),
            "title": self.message,
            "status": self.status,
            "code": self.code.as_str(),
            "error": self.code.as_str().replace('-', "_"),
        });
        if let Some(secs) = self.retry_after_s {
            body["retryAfterSeconds"] = json!(secs);
        }
        if !self.faults.is_empty() {
            body["errors"] = json!(self.faults);
        }
        body
    }

    /// The JSON-RPC answer to the request of this id. Every error carries `ErrorInfo` (and, where
    /// there is more to say, `BadRequest` and `RetryInfo`) in an array as A2A 1.0 has it (section
    /// 9.5). A limit that a Pilox client reads is as Pilox has it: an object with
    /// `retryAfterSeconds`, under a code that A2A means otherwise.
    #[must_use]
    pub fn rpc(&self, id: &Id, reader: Reader) -> Response {
        if (self.rpc, reader) == (Rpc::Limit, Reader::Pilox) {
            return self.limit_of_pilox(id);
        }
        let data = Some(Value::Array(self.details()));
        let (code, message) = (self.rpc_code(), self.message.to_string());
        Response::error(id.clone(), ErrorObject { code, message, data })
    }

    /// `ErrorInfo` and, where there is more to say, `BadRequest` and `RetryInfo`: the details of every form.
    #[must_use]
    pub fn details(&self) -> Vec<Value> {
        let ErrorInfo { reason, domain, metadata } = self.info();
        let metadata: Vec<_> = metadata.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let info = error_info(&reason, domain, &metadata);
        let faults = (!self.faults.is_empty()).then(|| bad_request(&self.faults));
        std::iter::once(info).chain(faults).chain(self.retry_after_s.map(retry_info)).collect()
    }

    /// What `ErrorInfo` says.
    #[must_use]
    pub fn info(&self) -> ErrorInfo {
        let code = self.code.as_str();
        let mut metadata = vec![("code", code.to_owned())];
        let (reason, domain) = match self.rpc {
            Rpc::A2a(error) => (error.reason().to_owned(), A2A_DOMAIN),
            Rpc::Edge(_) | Rpc::Limit => (code.to_ascii_uppercase().replace('-', "_"), DOMAIN),
        };
        if self.rpc == Rpc::A2a(A2aError::VersionNotSupported) {
            metadata.push(("supportedVersions", dispatch::VERSIONS.join(",")));
        }
        ErrorInfo { reason, domain, metadata }
    }

    fn rpc_code(&self) -> i32 {
        match self.rpc {
            Rpc::A2a(error) => error.jsonrpc_code(),
            Rpc::Edge(code) => code,
            Rpc::Limit => table::LIMITED,
        }
    }

    fn limit_of_pilox(&self, id: &Id) -> Response {
        let data = json!({"code": self.code.as_str(), "retryAfterSeconds": self.retry_after_s});
        let (code, message) = (table::LIMITED_OF_PILOX, self.message.to_string());
        Response::error(id.clone(), ErrorObject { code, message, data: Some(data) })
    }
}

/// `domain` of the errors that A2A does not name.
const DOMAIN: &str = "ecumene.gateway";

#[cfg(test)]
mod tests;
