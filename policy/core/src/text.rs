//! The text of a policy, parsed and validated against the schema.
//!
//! Decides what may be stored, and what each statement is called. Must never let a text through that the schema does not fit
//! strictly: a misspelled attribute would be an error of every call instead.

use std::collections::BTreeSet;

use cedar_policy::{Policy, PolicyId, PolicySet, ValidationMode};
use proto_types::policy::POLICY_BYTES_MAX;

use crate::fault::{FAULTS_MAX, Fault};
use crate::nesting;
use crate::schema::VOCABULARY;

/// The longest `@id`, in bytes. Arbitrary.
const ID_BYTES_MAX: usize = 64;

/// A text that is a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What its statements are called in decisions, in their order.
    pub statements: Vec<String>,
    /// What is allowed and probably not meant, such as a condition that never holds.
    pub warnings: Vec<Fault>,
}

/// Checks the text of a policy of this name.
///
/// # Errors
/// What is wrong with it, at most eight faults.
pub fn check(name: &str, text: &str) -> Result<Checked, Vec<Fault>> {
    let (statements, warnings) = compile(name, text)?;
    let statements = statements.iter().map(|policy| policy.id().to_string()).collect();
    Ok(Checked { statements, warnings })
}

/// The statements of a text, each under its own name.
pub(crate) fn compile(name: &str, text: &str) -> Result<(Vec<Policy>, Vec<Fault>), Vec<Fault>> {
    if text.len() > POLICY_BYTES_MAX {
        let len = text.len();
        let why = format!("{len} bytes, and at most {POLICY_BYTES_MAX} are allowed");
        return Err(vec![Fault::of_all(why)]);
    }
    nesting::check(text).map_err(|fault| vec![fault])?;
    let set = text
        .parse::<PolicySet>()
        .map_err(|errors| told(errors.iter().map(|error| Fault::of_cedar(text, error))))?;
    let warnings = validate(text, &set)?;
    Ok((named(name, &set)?, warnings))
}

fn validate(text: &str, set: &PolicySet) -> Result<Vec<Fault>, Vec<Fault>> {
    if set.num_of_templates() > 0 {
        return Err(vec![Fault::of_all("templates (?principal, ?resource) are not supported")]);
    }
    if set.num_of_policies() == 0 {
        return Err(vec![Fault::of_all("it holds no statement")]);
    }
    let result = VOCABULARY.validator.validate(set, ValidationMode::Strict);
    let errors = told(result.validation_errors().map(|error| Fault::of_cedar(text, error)));
    if !errors.is_empty() {
        return Err(errors);
    }
    let warnings = result.validation_warnings();
    Ok(told(warnings.map(|warning| Fault::of_cedar(text, warning))))
}

/// The first faults by their places, each once: Cedar tells one for each kind of caller.
fn told(faults: impl Iterator<Item = Fault>) -> Vec<Fault> {
    let mut all: Vec<_> = faults.collect();
    all.sort_by(|one, other| (one.place, &one.why).cmp(&(other.place, &other.why)));
    all.dedup();
    all.truncate(FAULTS_MAX);
    all
}

/// Statements are called by the policy, and its `@id` or its place where there are several.
fn named(name: &str, set: &PolicySet) -> Result<Vec<Policy>, Vec<Fault>> {
    let mut statements: Vec<(usize, &Policy)> =
        set.policies().map(|policy| (number(policy), policy)).collect();
    statements.sort_unstable_by_key(|(number, _)| *number);
    let is_alone = statements.len() == 1;
    let (mut all, mut known) = (Vec::with_capacity(statements.len()), BTreeSet::new());
    for (number, policy) in statements {
        let id = match policy.annotation("id") {
            Some(id) if !is_id(id) => {
                let why = format!("@id: 1 to {ID_BYTES_MAX} letters, digits, `.`, `_` and `-`");
                return Err(vec![Fault::of_all(why)]);
            }
            Some(id) => format!("{name}/{id}"),
            None if is_alone => name.to_owned(),
            None => format!("{name}/{}", number + 1),
        };
        if !known.insert(id.clone()) {
            return Err(vec![Fault::of_all(format!("two statements are called {id}"))]);
        }
        all.push(policy.new_id(PolicyId::new(id)));
    }
    Ok(all)
}

/// Cedar calls the statements of a text `policy0`, `policy1` and so on.
fn number(policy: &Policy) -> usize {
    let id: &str = policy.id().as_ref();
    id.strip_prefix("policy").and_then(|number| number.parse().ok()).unwrap_or(usize::MAX - 1)
}

fn is_id(id: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.chars().all(is_allowed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<Fault> {
        check("p", text).unwrap_err()
    }

    #[test]
    fn a_misspelled_attribute_is_refused_with_its_place() {
        let text = "permit(principal, action, resource)\nwhen { resource.tag.contains(\"x\") };";
        let fault = &faults(text)[0];
        assert_eq!(fault.place.map(|(line, _)| line), Some(2), "{fault}");
        assert!(fault.why.contains("tag"), "{fault}");
    }

    #[test]
    fn what_is_no_policy_of_calls_is_refused() {
        for (bad, why) in [
            ("", "no statement"),
            ("permit(principal, action, resource)", "line 1"),
            ("permit(principal, action == Action::\"SendMesage\", resource);", "SendMesage"),
            ("permit(principal == Peers::\"x\", action, resource);", "Peers"),
            ("permit(principal, action, resource) when { context.bytes < \"1\" };", "line 1"),
            ("permit(principal, action, resource) when { context.skill == \"x\" };", "skill"),
            ("permit(principal == ?principal, action, resource);", "templates"),
            ("@id(\"a b\") permit(principal, action, resource);", "@id"),
        ] {
            let told: Vec<String> = faults(bad).iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|fault| fault.contains(why)), "{bad}: {told:?}");
        }
        let twice = "@id(\"a\") permit(principal, action, resource);".repeat(2);
        assert!(faults(&twice)[0].why.contains("p/a"));
        let long = "//".repeat(POLICY_BYTES_MAX);
        assert!(faults(&long)[0].why.contains("65536"));
    }

    #[test]
    fn an_attribute_that_may_be_absent_is_read_where_it_is_there() {
        let text = "permit(principal, action, resource) when { context has skill && context.skill == \"x\" };";
        assert_eq!(check("p", text).unwrap().statements, ["p"]);
    }

    #[test]
    fn statements_are_called_by_their_policy_and_their_id_or_place() {
        let text = "permit(principal, action, resource);
            @id(\"big\") forbid(principal, action, resource) when { context.bytes > 1000 };
            forbid(principal is Public, action, resource);";
        assert_eq!(check("p", text).unwrap().statements, ["p/1", "p/big", "p/3"]);
    }

    #[test]
    fn every_policy_of_the_guide_is_valid_and_means_something() {
        let guide = include_str!("../../../docs/policies.md");
        let blocks = guide.split("```cedar\n").skip(1).filter_map(|rest| rest.split("```").next());
        let blocks: Vec<&str> = blocks.collect();
        assert!(blocks.len() >= 6, "{}", blocks.len());
        for text in blocks {
            let checked = check("p", text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
            assert!(checked.warnings.is_empty(), "{text}: {:?}", checked.warnings);
        }
    }

    #[test]
    fn what_never_holds_is_a_warning() {
        let text = "permit(principal, action, resource) when { false };";
        assert!(!check("p", text).unwrap().warnings.is_empty());
    }
}
