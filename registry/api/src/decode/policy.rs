//! Policies of calls: a text becomes a proposal once it is valid, so that none that is not ever takes the place of one that
//! is. What the text means is `policy-core`'s.

use proto_types::PolicyName;
use proto_types::policy::POLICY_BYTES_MAX;
use registry_core::command::{DeletePolicy, FleetCommand, Proposal, PutPolicy};

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// Reads a request to keep a policy.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `body-too-large`, `invalid-document` with the places of what is wrong.
pub fn put(caller: &Principal, name: &str, text: &[u8]) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let name: PolicyName = field::read("name", name)?;
    field::bounded("policy", text, POLICY_BYTES_MAX)?;
    check(&name, text)?;
    super::with_body(text, |digest| FleetCommand::PutPolicy(PutPolicy { name, digest }).into())
}

/// Reads a request to forget a policy.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn delete(caller: &Principal, name: &str) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let name = field::read("name", name)?;
    Ok(super::one(FleetCommand::DeletePolicy(DeletePolicy { name }).into()))
}

fn check(name: &PolicyName, text: &[u8]) -> Result<(), Problem> {
    let invalid = |why: &str| Problem::new(Code::InvalidDocument, format_args!("policy: {why}"));
    let text = std::str::from_utf8(text).map_err(|_| invalid("it is not UTF-8"))?;
    let faults = match policy_core::check(name.as_str(), text) {
        Ok(_) => return Ok(()),
        Err(faults) => faults,
    };
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let problem = invalid(&told.join("; "));
    let place = faults.first().and_then(|fault| fault.place);
    Err(match place {
        Some((line, column)) => problem.with("line", line).with("column", column),
        None => problem,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_core::command::Command;

    use super::*;

    #[test]
    fn a_valid_text_of_the_operator_is_kept_with_its_body() {
        let text = b"permit(principal, action, resource);";
        let proposal = put(&Principal::Operator, "all", text).unwrap();
        assert!(matches!(proposal.commands[0], Command::PutBody(_)));
        let last = proposal.commands.last().unwrap();
        assert!(
            matches!(last, Command::Fleet(FleetCommand::PutPolicy(put)) if put.name.as_str() == "all")
        );
        let code = |caller: &Principal, name: &str, text: &[u8]| {
            put(caller, name, text).map_err(|problem| problem.code())
        };
        assert_eq!(code(&Principal::Anonymous, "all", text), Err(Code::Unauthenticated));
        assert_eq!(code(&Principal::Operator, "All", text), Err(Code::InvalidArgument));
        assert_eq!(code(&Principal::Operator, "all", b""), Err(Code::InvalidArgument));
        assert_eq!(code(&Principal::Operator, "all", b"\xff"), Err(Code::InvalidDocument));
        let long = vec![b' '; POLICY_BYTES_MAX + 1];
        assert_eq!(code(&Principal::Operator, "all", &long), Err(Code::BodyTooLarge));
    }

    #[test]
    fn what_is_wrong_with_a_text_is_told_with_its_place() {
        let text = b"permit(principal, action, resource)\nwhen { context.byte > 1 };";
        let problem = put(&Principal::Operator, "all", text).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidDocument);
        assert_eq!(problem.extra("line"), Some(&serde_json::json!(2)));
        assert!(problem.detail().starts_with("policy: line 2, column "), "{}", problem.detail());
    }
}
