//! The policy decision point: what an outside policy engine is asked, and what its answer means.
//!
//! It decides the question (the shape that OPA's data API takes) and the reading of the answer. It
//! must never read anything but an explicit yes as one.

use proto_types::{WallMs, json};
use serde_json::{Value, json as object};

use super::Submission;
use crate::problem::{Code, Problem};

/// The longest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// What the engine said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No, and perhaps why.
    Denied(Option<String>),
    /// Nothing that can be understood.
    Unclear,
}

/// The question: `{"input": {...}}`.
#[must_use]
pub fn question(wish: &Submission<'_>, now: WallMs) -> Vec<u8> {
    let origin = |origin: Option<&proto_types::Origin>| origin.map(ToString::to_string);
    let input = object!({ "input": {
        "action": "write",
        "kind": wish.kind,
        "handle": wish.handle.as_str(),
        "document": wish.document,
        "assurance": wish.assurance,
        "owner": origin(wish.owner),
        "caller": origin(wish.caller),
        "time": now.to_rfc3339(),
    } });
    input.to_string().into_bytes()
}

/// Reads `{"result": true}` or `{"result": {"allow": true, "reason": "..."}}`. An undefined result
/// (OPA answers `{}`) is no answer.
#[must_use]
pub fn verdict(answer: &[u8]) -> Verdict {
    let Ok(answer) = json::parse(answer) else { return Verdict::Unclear };
    let result = answer.get("result");
    let allow = match result {
        Some(Value::Object(members)) => members.get("allow"),
        other => other,
    };
    let reason = || result?.get("reason")?.as_str().map(ToOwned::to_owned);
    match allow {
        Some(Value::Bool(true)) => Verdict::Allowed,
        Some(Value::Bool(false)) => Verdict::Denied(reason()),
        _ => Verdict::Unclear,
    }
}

/// What the verdict comes to; `fail_open` counts silence as consent, and nothing else.
///
/// # Errors
/// `pdp-denied`.
pub fn outcome(verdict: Verdict, fail_open: bool) -> Result<(), Problem> {
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Unclear if fail_open => Ok(()),
        Verdict::Unclear => {
            Err(Problem::new(Code::PdpDenied, "the policy decision point gave no decision"))
        }
        Verdict::Denied(reason) => {
            let why = reason.unwrap_or_else(|| "the policy decision point says no".to_owned());
            Err(Problem::new(Code::PdpDenied, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_explicit_yes_is_one() {
        let table: [(&str, Verdict); 9] = [
            (r#"{"result":true}"#, Verdict::Allowed),
            (r#"{"result":{"allow":true,"reason":"r"}}"#, Verdict::Allowed),
            (r#"{"result":false}"#, Verdict::Denied(None)),
            (r#"{"result":{"allow":false,"reason":"r"}}"#, Verdict::Denied(Some("r".into()))),
            (r#"{"result":"true"}"#, Verdict::Unclear),
            (r#"{"result":{"allowed":true}}"#, Verdict::Unclear),
            (r#"{"result":true,"result":false}"#, Verdict::Unclear),
            ("{}", Verdict::Unclear),
            ("nonsense", Verdict::Unclear),
        ];
        for (answer, expected) in table {
            assert_eq!(verdict(answer.as_bytes()), expected, "{answer}");
        }
        assert!(outcome(Verdict::Unclear, false).is_err());
        assert!(outcome(Verdict::Unclear, true).is_ok());
        assert!(outcome(Verdict::Denied(None), true).is_err());
    }
}
