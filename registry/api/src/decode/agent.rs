//! Agents that are deployed, attached or removed, by the operator. The shell says that an artifact is there and how large it
//! is; without it nothing is deployed. The card of an attached agent is kept byte for byte.

use proto_types::card::Card;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_types::{Digest, Handle, Origin, Upstream, json};
use proto_wire::registry::v1 as wire;
use registry_core::command::{AttachAgent, Command, FleetCommand, Proposal, PutAgent, RemoveAgent};
use registry_core::entry::{Limits, Source};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

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

/// What a body over REST says of an agent to attach.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachDocument<'b> {
    upstream: UpstreamDocument,
    #[serde(borrow)]
    card: &'b RawValue,
    #[serde(default)]
    visibility: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpstreamDocument {
    urls: Vec<String>,
    binding: String,
    version: String,
    #[serde(default)]
    tenant: String,
}

/// The request that a JSON body is, for an agent of this name. Its card is these very bytes of the body.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `body-too-large`.
pub fn attach_request(handle: &str, body: &[u8]) -> Result<wire::AttachAgentRequest, Problem> {
    let value = object("body", body)?;
    // A list would be read as the members in their order.
    if value.get("upstream").is_some_and(|upstream| !upstream.is_object()) {
        return Err(no_object("upstream"));
    }
    let AttachDocument { upstream, card, visibility } =
        serde_json::from_slice(body).map_err(|why| Problem::new(Code::InvalidDocument, why))?;
    let UpstreamDocument { urls, binding, version, tenant } = upstream;
    Ok(wire::AttachAgentRequest {
        handle: handle.to_owned(),
        upstream: Some(wire::Upstream { urls, binding, version, tenant }),
        card: card.get().as_bytes().to_vec().into(),
        visibility,
    })
}

/// Reads how an agent that runs elsewhere is put behind the gateways.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `malformed-json`, `invalid-document`, `body-too-large`.
pub fn attach(caller: &Principal, request: &wire::AttachAgentRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let handle = field::handle("handle", &request.handle)?;
    check_is_no_peer(&handle)?;
    let upstream = upstream(request.upstream.as_ref())?;
    let visibility = super::visibility(&request.visibility)?;
    let card = Card::parse(&request.card)?;
    let searched = (Source::Agent, handle.clone(), super::search::of_attached(card.view()));
    let digest = card.digest();
    let attach =
        FleetCommand::AttachAgent(AttachAgent { handle, upstream, card: digest, visibility });
    super::with_document((&request.card[..], digest), attach.into(), searched)
}

/// Gateways know peers by their origins where they know agents by their handles: what is configured for a peer must not
/// be shown to an agent.
fn check_is_no_peer(handle: &Handle) -> Result<(), Problem> {
    match Origin::parse(handle.as_str()) {
        Ok(_) => Err(Problem::argument("handle", "an origin is the name of a peer")),
        Err(_) => Ok(()),
    }
}

fn upstream(said: Option<&wire::Upstream>) -> Result<Upstream, Problem> {
    let said = said.ok_or_else(|| Problem::argument("upstream", "it is missing"))?;
    let wire::Upstream { urls, binding, version, tenant } = said;
    let read = Upstream::parse(urls, binding, version, tenant);
    read.map_err(|why| Problem::argument("upstream", why))
}

/// Reads a request to take an agent away.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn remove(caller: &Principal, handle: &str) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let handle = field::read("handle", handle)?;
    Ok(super::one(FleetCommand::RemoveAgent(RemoveAgent { handle }).into()))
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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_core::command::PutBody;
    use serde_json::json;

    use super::*;

    /// Caught: what a gateway shows to a peer was shown to an agent of its name.
    #[test]
    fn an_agent_is_not_attached_under_the_name_of_a_peer() {
        for (handle, is_free) in
            [("https://b.example", false), ("urn:agent:b", true), ("b.example", true)]
        {
            let handle = Handle::parse(handle).unwrap();
            assert_eq!(check_is_no_peer(&handle).is_ok(), is_free, "{handle}");
        }
    }

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

    fn old_card() -> String {
        // Its spaces are kept, and its tags may be empty.
        let skill = r#"{ "id": "s", "name": "Say", "description": "says", "tags": [] }"#;
        let modes = r#""defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"]"#;
        format!(
            r#"{{ "protocolVersion": "0.3.0", "name": "Old", "description": "d", "version": "1",
                "url": "http://a.example/rpc", "capabilities": {{}}, {modes}, "skills": [{skill}] }}"#
        )
    }

    fn body(upstream: &str, card: &str) -> String {
        format!(r#"{{"upstream":{upstream},"card":{card},"visibility":"private"}}"#)
    }

    const UPSTREAM: &str =
        r#"{"urls":["HTTP://A.example:80/rpc"],"binding":"JSONRPC","version":"0.3"}"#;

    #[test]
    fn a_body_over_rest_gives_the_card_byte_for_byte_and_an_upstream_in_its_one_form() {
        let card = old_card();
        let request = attach_request("urn:a:1", body(UPSTREAM, &card).as_bytes()).unwrap();
        assert_eq!(request.card[..], *card.as_bytes());
        let proposal = attach(&Principal::Operator, &request).unwrap();
        let [
            Command::PutBody(PutBody { bytes }),
            Command::Fleet(FleetCommand::AttachAgent(put)),
            _,
        ] = &proposal.commands[..]
        else {
            panic!("{proposal:?}");
        };
        assert_eq!((bytes.as_slice(), put.card), (card.as_bytes(), Digest::of(card.as_bytes())));
        assert_eq!(put.upstream.urls[0].as_str(), "http://a.example/rpc");
    }

    #[test]
    fn what_attaches_no_agent_is_refused_by_what_is_wrong() {
        let (card, empty) = (old_card(), "{}".to_owned());
        let grpc = UPSTREAM.replace("JSONRPC", "GRPC");
        let user = UPSTREAM.replace("A.example", "user@A.example");
        let unknown = UPSTREAM.replacen('{', "{\"x\":1,", 1);
        let list = r#"[["http://a.example"],"JSONRPC","1.0",""]"#.to_owned();
        for (upstream, card, code) in [
            (&grpc, &card, Code::InvalidArgument),
            (&user, &card, Code::InvalidArgument),
            (&unknown, &card, Code::InvalidDocument),
            (&list, &card, Code::InvalidDocument),
            (&UPSTREAM.to_owned(), &empty, Code::InvalidDocument),
            (&UPSTREAM.to_owned(), &"[".to_owned(), Code::MalformedJson),
        ] {
            let request = attach_request("urn:a:1", body(upstream, card).as_bytes());
            let read = request.and_then(|request| attach(&Principal::Operator, &request));
            assert_eq!(read.map_err(|why| why.code()), Err(code), "{upstream} {card}");
        }
        let request = attach_request("urn:a:1", body(UPSTREAM, &card).as_bytes()).unwrap();
        let read = attach(&Principal::Anonymous, &request).map_err(|why| why.code());
        assert_eq!(read, Err(Code::Unauthenticated));
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
