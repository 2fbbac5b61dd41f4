//! Whether the operator's policies permit a call: once, after it is read and before its token is spent.
//!
//! Decides what of a call they look at. Must never tell the caller which of them decided: that is for the operator's log.

use std::collections::BTreeSet;

use gateway_core::caller::CallerKind;
use gateway_core::dispatch::Operation;
use gateway_core::{Caller, Failure, Forbidden};
use policy_core::{Agent, CallRequest, Decision, Principal};
use proto_types::a2a::Message;
use serde_json::Value;

use crate::a2a::Call;
use crate::clock;
use crate::gateway::Gateway;
use crate::refusals::Line;

/// The member of a message's metadata that names the skill which it asks for.
const SKILL: &str = "skill";

/// Whoever is no peer has no reputation, and all of its limits.
const WHOLE_SHARE: u64 = 100;

/// Holds a call, whose body has so many bytes, against the policies. Where none is stored nothing is decided here.
pub(crate) fn check(
    gateway: &Gateway,
    caller: &Caller,
    call: &Call,
    bytes: usize,
) -> Result<(), Failure> {
    let policies = gateway.cache.policies.load();
    if !policies.is_stored() {
        return Ok(());
    }
    let agent = call.agent().map_or_else(Agent::default, crate::agents::Agent::described);
    let parts = call.message().map(media_types).unwrap_or_default();
    let asked = CallRequest {
        principal: principal(caller),
        operation: call.operation().name(),
        agent,
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        now: clock::wall(),
        share: share(gateway, caller),
        parts: parts.iter().map(String::as_str).collect(),
        skill: call.message().and_then(skill),
    };
    for operation in operations(call) {
        let asked = CallRequest { operation: operation.name(), ..asked.clone() };
        decided(gateway, (caller, call), &policies.decide(&asked))?;
    }
    Ok(())
}

fn decided(
    gateway: &Gateway,
    (caller, call): (&Caller, &Call),
    decision: &Decision,
) -> Result<(), Failure> {
    if decision.allowed {
        return Ok(());
    }
    log(gateway, caller, call, decision);
    Err(Failure::Forbidden(Forbidden::PolicyDenied))
}

/// What a call does. A message may do what CreateTaskPushNotificationConfig does.
fn operations(call: &Call) -> impl Iterator<Item = Operation> {
    let also = call.sets_receiver().then_some(Operation::CreateTaskPushNotificationConfig);
    std::iter::once(call.operation()).chain(also)
}

/// The caller by its kind, under its name without what tells the kinds apart.
fn principal(caller: &Caller) -> Principal<'_> {
    let whole = caller.as_str();
    let name = whole.split_once(':').map_or(whole, |(_, name)| name);
    match caller.kind() {
        CallerKind::Peer => Principal::Peer(whole),
        CallerKind::ApiKey => Principal::ApiKey(name),
        CallerKind::User => Principal::User(name),
        CallerKind::Certificate => Principal::Certificate(name),
        CallerKind::Public => Principal::Public(name),
    }
}

fn share(gateway: &Gateway, caller: &Caller) -> u64 {
    let peers = gateway.cache.peers.load();
    let peer = caller.origin().and_then(|origin| peers.find(origin));
    peer.map_or(WHOLE_SHARE, |peer| peer.share.percent())
}

/// What the parts state, each in one spelling: types have no case, and parameters choose no other type (RFC 9110, section
/// 8.3.1).
fn media_types(message: &Message) -> BTreeSet<String> {
    let stated = message.parts.iter().filter_map(|part| part.media_type.as_deref());
    let essence =
        |stated: &str| stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    stated.map(essence).collect()
}

fn skill(message: &Message) -> Option<&str> {
    message.metadata.as_ref()?.get(SKILL).and_then(Value::as_str)
}

/// One line a second: nobody fills the log by being denied.
fn log(gateway: &Gateway, caller: &Caller, call: &Call, decision: &Decision) {
    let Line::Info(unsaid) = gateway.counts.refusals.line(true, "policy", clock::mono()) else {
        return;
    };
    let operation = call.operation().name();
    let agent = call.agent().map_or("", |agent| agent.handle.as_str());
    let (policies, errors) = (decision.reasons.join(" "), decision.errors.join("; "));
    tracing::info!(
        caller = caller.as_str(),
        operation,
        agent,
        policies,
        errors,
        unsaid,
        "the policies do not permit a call"
    );
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::caller::ClientId;
    use proto_types::a2a::{Part, Role};
    use proto_types::{Digest, Origin, SecretKey, TaskOwner};

    use super::*;

    #[test]
    fn a_caller_has_its_kind_and_its_name_without_the_kind() {
        let origin = Origin::parse("https://a.example").unwrap();
        let peer = Caller::new(origin, SecretKey::from_seed(&[1; 32]).public());
        assert_eq!(principal(&peer), Principal::Peer("https://a.example"));
        let client = |owner: &str, id| Caller::client(TaskOwner::parse(owner).unwrap(), id);
        let key = client("key:ci", ClientId::ApiKey(Digest([7; 32])));
        assert_eq!(principal(&key), Principal::ApiKey("ci"));
        let user =
            client("user:https://idp.example#7", ClientId::User("https://idp.example".into()));
        assert_eq!(principal(&user), Principal::User("https://idp.example#7"));
        assert_eq!(principal(&client("public:0a", ClientId::Public)), Principal::Public("0a"));
    }

    #[test]
    fn media_types_have_one_spelling_and_a_skill_is_a_text() {
        let part = |kind: &str| Part { media_type: Some(kind.to_owned()), ..Part::text("x") };
        let parts = vec![Part::text("untyped"), part("Image/PNG; q=1"), part("image/png")];
        let mut message = Message::new("m", Role::User, parts);
        assert_eq!(media_types(&message), BTreeSet::from(["image/png".to_owned()]));
        assert_eq!(skill(&message), None);
        for (metadata, named) in [
            (serde_json::json!({"skill": "pay"}), Some("pay")),
            (serde_json::json!({"skill": 7}), None),
        ] {
            message.metadata = serde_json::from_value(metadata).unwrap();
            assert_eq!(skill(&message), named);
        }
    }
}
