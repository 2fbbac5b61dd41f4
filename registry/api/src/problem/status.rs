//! A problem as a gRPC status, with details as google.rpc has them, cut to fit into trailers, which clients bound. It
//! says nothing that the JSON form does not say.

use std::collections::HashMap;

use proto_types::metadata::{CODE_KEY, LEADER_KEY};
use serde_json::Value;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use super::{Code, Problem};

/// `domain` of `google.rpc.ErrorInfo`.
const DOMAIN: &str = "registry.ecumene";

/// Violations that are told at most: a few KiB.
const VIOLATIONS_MAX: usize = 16;

/// Longer values are cut: gRPC clients commonly take 8 KiB of trailers in all.
const VALUE_CHARS_MAX: usize = 256;

impl From<Problem> for tonic::Status {
    fn from(problem: Problem) -> Self {
        let mut metadata = MetadataMap::new();
        metadata.insert(CODE_KEY, MetadataValue::from_static(problem.code.as_str()));
        let leader = problem.extra.get("leader").and_then(Value::as_str);
        if let Some(leader) = leader.and_then(|leader| leader.parse().ok()) {
            metadata.insert(LEADER_KEY, leader);
        }
        let (code, details) = (grpc(problem.code), details(&problem));
        Self::with_error_details_and_metadata(code, problem.detail, details, metadata)
    }
}

/// The gRPC status of a code; no registry says one that has none.
#[must_use]
pub fn grpc(code: Code) -> tonic::Code {
    code.grpc().map_or(tonic::Code::Unknown, |status| tonic::Code::from_i32(status.number()))
}

/// `ErrorInfo` always; `BadRequest` where members are wrong.
fn details(problem: &Problem) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    let code = problem.code.as_str();
    let mut said: HashMap<String, String> = HashMap::from([("code".to_owned(), code.to_owned())]);
    for (name, value) in &problem.extra {
        if !value.is_array() && !value.is_object() {
            said.insert((*name).to_owned(), text(value));
        }
    }
    details.set_error_info(code.to_ascii_uppercase().replace('-', "_"), DOMAIN, said);
    let violations = violations(problem);
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    details
}

/// The faults of a document, or the one member that is wrong.
fn violations(problem: &Problem) -> Vec<FieldViolation> {
    let faults = problem.extra.get("errors").and_then(Value::as_array);
    let faults = faults.into_iter().flatten().take(VIOLATIONS_MAX);
    let found: Vec<_> = faults
        .map(|fault| FieldViolation::new(text(&fault["instancePath"]), text(&fault["message"])))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let member = problem.extra.get("member").map(text);
    member.map(|member| FieldViolation::new(member, problem.detail.as_str())).into_iter().collect()
}

fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
    text.chars().take(VALUE_CHARS_MAX).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_carry_the_code_and_what_is_wrong() {
        let status = tonic::Status::from(Problem::argument("limit", "1 to 9"));
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_ARGUMENT", DOMAIN));
        assert_eq!(info.metadata["code"], "invalid-argument");
        let request = status.get_details_bad_request().unwrap();
        let violation = &request.field_violations[0];
        assert_eq!((&*violation.field, &*violation.description), ("limit", "limit: 1 to 9"));

        let fault = json!({ "instancePath": "/handle", "message": "m".repeat(9_999) });
        let faults = vec![fault; 100];
        let status = Problem::new(Code::InvalidDocument, "x").with("errors", faults);
        let status = tonic::Status::from(status);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((violations.len(), &*violations[0].field), (VIOLATIONS_MAX, "/handle"));
        assert!(status.details().len() < 8 << 10, "{}", status.details().len());
        assert!(tonic::Status::from(Problem::internal("disk")).get_details_bad_request().is_none());
    }
}
