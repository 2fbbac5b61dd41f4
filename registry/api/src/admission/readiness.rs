//! Readiness: whether a record tells those who would deploy its agent what they have to provide.
//!
//! It decides by the rules of the Pilox registry (its `publish readiness`), from the record alone.
//! It must never fetch: a crawl caused by an unverified request is attack case 24.

use serde_json::{Value, json};

use crate::problem::{Code, Problem};

use super::attestation::{Attestation, Issue};

/// Shorter texts say nothing; the Pilox registry draws the line here.
const DESCRIPTION_CHARS_MIN: usize = 8;

/// What is done about a record that is not ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// It is not looked at.
    #[default]
    Off,
    /// A dry run tells; publishing does not mind.
    Warn,
    /// It is refused.
    Enforce,
}

// The words of the Pilox registry.
proto_types::words!(Readiness { Off = "off", Warn = "warn", Enforce = "enforce" });

impl Readiness {
    /// Refuses a record that is not ready, or not attested as is demanded.
    ///
    /// # Errors
    /// `not-ready` with every issue.
    pub fn check(self, record: &Value, attestation: &Attestation) -> Result<(), Problem> {
        let mut issues = attestation.issues(record);
        if self == Self::Enforce {
            issues.extend(of_buyer_inputs(record));
        }
        if issues.is_empty() {
            return Ok(());
        }
        let first = issues[0].code;
        Err(Problem::new(Code::NotReady, format_args!("the record is not ready: {first}"))
            .with("issues", issues.iter().map(Issue::to_json).collect::<Vec<_>>()))
    }

    /// All that a dry run tells; `None` if nobody looks.
    #[must_use]
    pub fn report(self, record: &Value, attestation: &Attestation) -> Option<Value> {
        if self == Self::Off && !attestation.is_demanded() {
            return None;
        }
        let mut issues = attestation.issues(record);
        issues.extend(of_buyer_inputs(record));
        let list: Vec<Value> = issues.iter().map(Issue::to_json).collect();
        Some(json!({ "ok": list.is_empty(), "issues": list }))
    }
}

/// The schema has seen to kinds, keys and labels; what is left is whether they help anybody.
fn of_buyer_inputs(record: &Value) -> Vec<Issue> {
    let inputs = record.get("buyerInputs").and_then(Value::as_array);
    let inputs = inputs.into_iter().flatten().enumerate();
    inputs.flat_map(|(at, input)| of_buyer_input(at, input)).collect()
}

fn of_buyer_input(at: usize, input: &Value) -> Vec<Issue> {
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    let mut issues = Vec::new();
    let mut note = |code, member: &str| {
        issues.push(Issue::new(code, format!("/buyerInputs/{at}/{member}")));
    };
    if text("label").is_empty() {
        note("buyer_input_missing_label", "label");
    }
    if ["env", "secret", "url"].contains(&text("kind")) && text("key").is_empty() {
        note("buyer_input_missing_key", "key");
    }
    let required = input.get("required") == Some(&Value::Bool(true));
    if required && text("description").chars().count() < DESCRIPTION_CHARS_MIN {
        note("buyer_input_required_needs_description", "description");
    }
    let options = input.get("options").and_then(Value::as_array);
    if text("kind") == "choice" && options.is_none_or(Vec::is_empty) {
        note("buyer_choice_without_options", "options");
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_input_is_described_and_a_choice_has_options() {
        let record = json!({ "buyerInputs": [
            { "label": "Key", "kind": "env", "key": "K", "required": true,
              "description": "Your key for the service." },
            { "label": "Key", "kind": "env", "key": "K", "required": true, "description": "short" },
            { "label": "Size", "kind": "choice", "options": [] },
            { "label": " ", "kind": "secret" },
        ] });
        let codes: Vec<_> = of_buyer_inputs(&record).into_iter().map(|it| it.code).collect();
        assert_eq!(
            codes,
            [
                "buyer_input_required_needs_description",
                "buyer_choice_without_options",
                "buyer_input_missing_label",
                "buyer_input_missing_key",
            ]
        );
        let off = Attestation::default();
        assert_eq!(Readiness::Off.check(&record, &off), Ok(()));
        assert_eq!(Readiness::Warn.check(&record, &off), Ok(()));
        let refused = Readiness::Enforce.check(&record, &off).map_err(|problem| problem.status());
        assert_eq!(refused, Err(422));
    }
}
