//! Deployments of hosted agents. The shell says that the artifact is there and how large it is; without it nothing is
//! deployed.

use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_types::{Digest, json};
use proto_wire::registry::v1 as wire;
use registry_core::command::{Command, Proposal, PutAgent};
use registry_core::entry::{Limits, Source};
use serde_json::Value;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// The artifact that a deployment names; the shell looks it up before [`put`].
pub fn artifact(caller: &Principal, request: &wire::PutAgentRequest) -> Result<Digest, Problem> {
    caller.require(&[Role::Operator])?;
    field::read("artifact", &request.artifact)
}

/// Reads a deployment of the artifact `artifact` of `artifact_bytes` bytes.
///
/// # Errors
/// `invalid-argument`, `malformed-json`, `body-too-large`.
pub fn put(
    request: &wire::PutAgentRequest,
    artifact: Digest,
    artifact_bytes: u64,
) -> Result<Proposal, Problem> {
    let handle = field::handle("handle", &request.handle)?;
    let kind = field::read("kind", &request.kind)?;
    let limits = limits(request.limits.as_ref())?;
    let isolation = super::fleet::isolation("isolation", &request.isolation)?;
    let visibility = super::visibility(&request.visibility)?;
    let said = object("card", &request.card)?;
    check_card(&said)?;
    let digest = Digest::of(&request.card);
    let put = Command::PutAgent(PutAgent {
        handle: handle.clone(),
        artifact,
        artifact_bytes,
        kind,
        limits,
        isolation,
        card: digest,
        visibility,
    });
    let searched = (Source::Agent, handle, super::search::of_agent(&said));
    super::with_document((&request.card[..], digest), put, searched)
}

/// A card is shown to everybody who may see its agent: a file that is none, such as a key, is refused.
fn check_card(card: &Value) -> Result<(), Problem> {
    let wrong = |why: &str| Err(Problem::new(Code::InvalidDocument, format_args!("card: {why}")));
    let is_no_text = |name: &str| card.get(name).is_some_and(|value| !value.is_string());
    if card["name"].as_str().is_none_or(str::is_empty) {
        return wrong("it needs a name, which is a text");
    }
    if is_no_text("description") || is_no_text("version") {
        return wrong("description and version are texts");
    }
    if card.get("skills").is_some_and(|skills| !skills.is_array()) {
        return wrong("skills is a list");
    }
    Ok(())
}

fn limits(limits: Option<&wire::Limits>) -> Result<Limits, Problem> {
    let limits = limits.ok_or_else(|| Problem::argument("limits", "they are missing"))?;
    let members = [
        ("limits.fuel", limits.fuel),
        ("limits.memory_bytes", limits.memory_bytes),
        ("limits.wall_ms", limits.wall_ms),
        ("limits.output_bytes", limits.output_bytes),
    ];
    if let Some((member, _)) = members.iter().find(|(_, value)| *value == 0) {
        return Err(Problem::argument(member, "it is zero"));
    }
    if limits.output_bytes > OUTCOME_BYTES_MAX as u64 {
        let carried = format_args!("at most {OUTCOME_BYTES_MAX}: no larger outcome is carried");
        return Err(Problem::argument("limits.output_bytes", carried));
    }
    Ok(Limits {
        fuel: limits.fuel,
        memory_bytes: limits.memory_bytes,
        wall_ms: limits.wall_ms,
        output_bytes: limits.output_bytes,
    })
}

/// The bytes as one strict JSON object. None of what is read here is signed: numbers keep their digits.
fn object(member: &str, bytes: &[u8]) -> Result<Value, Problem> {
    check_len(bytes)?;
    let value = json::parse_lossless(bytes).map_err(|error| super::not_json(&error))?;
    if value.is_object() { Ok(value) } else { Err(no_object(member)) }
}

/// Holds if the bytes are one such object, which is handed on unread.
pub(super) fn json_object(member: &str, bytes: &[u8]) -> Result<(), Problem> {
    check_len(bytes)?;
    let is_object = json::is_object(bytes).map_err(|error| super::not_json(&error))?;
    if is_object { Ok(()) } else { Err(no_object(member)) }
}

fn check_len(bytes: &[u8]) -> Result<(), Problem> {
    match bytes.len() > super::BODY_BYTES_MAX {
        true => Err(field::too_large(bytes.len(), super::BODY_BYTES_MAX)),
        false => Ok(()),
    }
}

fn no_object(member: &str) -> Problem {
    Problem::new(Code::InvalidDocument, format_args!("{member}: an object is needed"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_handed_on_unread_is_refused_as_what_is_read() {
        let large = vec![b' '; super::super::BODY_BYTES_MAX + 1];
        let texts: [(&[u8], Option<Code>); 7] = [
            (b"{\"a\":[1e400,{}]}", None),
            (b"[]", Some(Code::InvalidDocument)),
            (b"1", Some(Code::InvalidDocument)),
            (b"", Some(Code::MalformedJson)),
            (b"{\"a\":1,\"a\":1}", Some(Code::MalformedJson)),
            (b"{\"a\":\"\xff\"}", Some(Code::MalformedJson)),
            (&large, Some(Code::BodyTooLarge)),
        ];
        for (text, code) in texts {
            let checked = json_object("input", text);
            assert_eq!(checked.as_ref().err().map(Problem::code), code);
            assert_eq!(checked, object("input", text).map(drop));
        }
    }

    /// Caught: a private key, named by mistake, was deployed as a card and shown to everybody.
    #[test]
    fn what_has_no_name_is_no_card() {
        let checked = |card: &Value| check_card(card).map_err(|why| why.code());
        let card = json!({"name": "Text", "description": "", "version": "1", "skills": [], "x": 1});
        assert_eq!(checked(&card), Ok(()));
        for other in [
            json!({}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}),
            json!({"name": ""}),
            json!({"name": 5}),
            json!({"name": "a", "description": 5}),
            json!({"name": "a", "version": null}),
            json!({"name": "a", "skills": "x"}),
        ] {
            assert_eq!(checked(&other), Err(Code::InvalidDocument), "{other}");
        }
    }
}
