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

/// In which words the question is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// All that is known, for a policy of OPA.
    #[default]
    Opa,
    /// As a Pilox registry asks: `action`, `handle` and the document.
    Pilox,
}

/// The question: `{"input": {...}}`.
#[must_use]
pub fn question(submission: &Submission<'_>, now: WallMs, dialect: Dialect) -> Vec<u8> {
    let origin = |origin: Option<&proto_types::Origin>| origin.map(ToString::to_string);
    let handle = submission.handle.as_str();
    let input = match dialect {
        Dialect::Opa => object!({
            "action": "write",
            "kind": submission.kind,
            "handle": handle,
            "document": submission.document,
            "assurance": submission.assurance,
            "owner": origin(submission.owner),
            "caller": origin(submission.caller),
            "time": now.to_rfc3339(),
        }),
        Dialect::Pilox => object!({
            "action": format!("registry.post_{}", submission.kind),
            "handle": handle,
            (submission.kind): submission.document,
        }),
    };
    object!({ "input": input }).to_string().into_bytes()
}

/// Reads `{"result": ...}` of OPA, `{"allow": true}` and `{"decision": "allow"}`, each with a
/// `reason` or without. An undefined result (OPA answers `{}`) is no answer, and neither are two that
/// differ.
#[must_use]
pub fn verdict(answer: &[u8]) -> Verdict {
    let Ok(answer) = json::parse(answer) else { return Verdict::Unclear };
    let mut said: Vec<Option<bool>> = words(&answer).collect();
    match answer.get("result") {
        None => {}
        Some(result @ Value::Object(_)) => said.extend(words(result)),
        Some(other) => said.push(other.as_bool()),
    }
    let first = said.first().copied().flatten();
    let Some(allow) = first.filter(|_| said.iter().all(|word| *word == first)) else {
        return Verdict::Unclear;
    };
    let reasons = [answer.get("reason"), answer.pointer("/result/reason")];
    match allow {
        true => Verdict::Allowed,
        false => Verdict::Denied(reasons.into_iter().flatten().find_map(text)),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

/// What `allow` and `decision` say, as far as they are there; `None` is neither yes nor no.
fn words(object: &Value) -> impl Iterator<Item = Option<bool>> {
    let decision = object.get("decision").map(|word| match word.as_str() {
        Some(word) if word.eq_ignore_ascii_case("allow") => Some(true),
        Some(word) if word.eq_ignore_ascii_case("deny") => Some(false),
        _ => None,
    });
    object.get("allow").map(Value::as_bool).into_iter().chain(decision)
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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_pilox_decision_point_is_asked_as_a_pilox_registry_asks() {
        let (handle, document) = ("acme01/a".parse().unwrap(), object!({ "handle": "acme01/a" }));
        let submission = Submission {
            kind: "record",
            handle: &handle,
            document: &document,
            card_urls: &[],
            assurance: "unsigned",
            owner: None,
            caller: None,
            credential: None,
        };
        let body = question(&submission, WallMs(0), Dialect::Pilox);
        let input = object!({
            "action": "registry.post_record", "handle": "acme01/a", "record": document,
        });
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), object!({ "input": input }));
        let body: Value =
            serde_json::from_slice(&question(&submission, WallMs(0), Dialect::Opa)).unwrap();
        assert_eq!(
            (&body["input"]["action"], &body["input"]["kind"]),
            (&object!("write"), &object!("record"))
        );
    }

    #[test]
    fn only_an_explicit_yes_is_one() {
        let table: [(&str, Verdict); 18] = [
            (r#"{"allow":true}"#, Verdict::Allowed),
            (r#"{"allow":false,"reason":"r"}"#, Verdict::Denied(Some("r".into()))),
            (r#"{"decision":"allow"}"#, Verdict::Allowed),
            (r#"{"decision":"ALLOW"}"#, Verdict::Allowed),
            (r#"{"decision":"Deny"}"#, Verdict::Denied(None)),
            (r#"{"decision":"maybe"}"#, Verdict::Unclear),
            (r#"{"allow":"true"}"#, Verdict::Unclear),
            (r#"{"allow":true,"decision":"deny"}"#, Verdict::Unclear),
            (r#"{"allow":true,"result":false}"#, Verdict::Unclear),
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
