//! What went wrong, as the caller may know it: one value for REST (RFC 9457) and for gRPC. The cause of an internal
//! failure is kept apart, for the log, and never shown.

mod refusal;
mod status;

use std::collections::BTreeMap;
use std::fmt::Display;

use proto_types::path;
use registry_core::view::ViewError;
use serde_json::{Value, json};

pub use proto_types::Code;

pub use self::status::grpc;

/// The media type of [`Problem::to_json`] (RFC 9457, section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Longer details are cut: they may quote the input, and gRPC carries them in a header.
const DETAIL_CHARS_MAX: usize = 512;

/// A request that was not carried out, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: Code,
    detail: String,
    extra: BTreeMap<&'static str, Value>,
    cause: Option<String>,
}

impl Problem {
    /// A problem with words for this one occurrence; they are cut to 512 characters.
    #[must_use]
    pub fn new(code: Code, detail: impl Display) -> Self {
        let detail = detail.to_string().chars().take(DETAIL_CHARS_MAX).collect();
        Self { code, detail, extra: BTreeMap::new(), cause: None }
    }

    /// A failure of ours; the caller learns no more than that.
    #[must_use]
    pub fn internal(cause: impl Display) -> Self {
        let mut problem = Self::new(Code::Internal, "the registry could not answer; see its log");
        problem.cause = Some(cause.to_string());
        problem
    }

    /// The thing named does not exist, or the caller may not see it.
    #[must_use]
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(Code::NotFound, format_args!("{kind} {id} does not exist"))
    }

    /// One member of the request is wrong.
    #[must_use]
    pub fn argument(member: &str, why: impl Display) -> Self {
        Self::new(Code::InvalidArgument, format_args!("{member}: {why}")).with("member", member)
    }

    /// The same with one more member in the JSON form.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.insert(name, value.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.code.status()
    }

    /// Words for this occurrence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// A member of the JSON form beside those that every problem has.
    #[must_use]
    pub fn extra(&self, name: &str) -> Option<&Value> {
        self.extra.get(name)
    }

    /// What only the log may know.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The JSON form of RFC 9457, with `code`, and with `error` where Pilox has a token for it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut body = json!({
            "type": format!("/docs/errors/{}", self.code),
            "title": self.code.title(),
            "status": self.status(),
            "code": self.code.as_str(),
            "detail": self.detail,
        });
        if let Some(token) = self.code.pilox_error() {
            body["error"] = token.into();
        }
        for (name, value) in &self.extra {
            body[*name] = value.clone();
        }
        body.to_string().into_bytes()
    }
}

impl From<path::Error> for Problem {
    fn from(error: path::Error) -> Self {
        Self::new(Code::PathAmbiguous, error)
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::metadata::{CODE_KEY, LEADER_KEY};

    use super::*;

    #[test]
    fn a_problem_says_the_same_in_both_languages() {
        let problem = Problem::new(Code::NotLeader, "member 2 leads").with("leader", "http://a:1");
        let json: Value = serde_json::from_slice(&problem.to_json()).unwrap();
        assert_eq!(json["status"], 503);
        assert_eq!(json["code"], "not-leader");
        assert_eq!(json["leader"], "http://a:1");
        let status = tonic::Status::from(problem);
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        assert_eq!(status.metadata().get(CODE_KEY).unwrap(), "not-leader");
        assert_eq!(status.metadata().get(LEADER_KEY).unwrap(), "http://a:1");
    }

    #[test]
    fn internal_text_never_reaches_a_caller() {
        let problem = Problem::internal("column family `state`: disk I/O error");
        assert!(!String::from_utf8(problem.to_json()).unwrap().contains("disk"));
        assert_eq!(problem.cause(), Some("column family `state`: disk I/O error"));
        assert!(!tonic::Status::from(problem).message().contains("disk"));
    }

    #[test]
    fn details_are_cut() {
        let problem = Problem::new(Code::MalformedJson, "é".repeat(10_000));
        assert_eq!(problem.detail().chars().count(), DETAIL_CHARS_MAX);
    }
}
