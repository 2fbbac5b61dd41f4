//! What policies decide about a call that the command line describes: those in files, or those that are stored. The same code
//! decides here as in a gateway. It must never say that a call is allowed where a gateway could not tell.

use std::path::Path;

use policy_core::{Agent, CallRequest, Decision, Policies, Principal};
use proto_types::json;
use proto_wire::registry::v1 as wire;
use registry_api::render::directory::ATTACHED;
use serde_json::{Map, Value};

use crate::args::{CallerKind, PolicyCallArgs, PolicyTestArgs};
use crate::client::Directory;
use crate::command::token::now;
use crate::failure::Failure;
use crate::output::Output;

/// What a policy on stdin is called.
const STDIN: &str = "stdin";

/// By the policies in files.
pub(super) fn test(args: &PolicyTestArgs) -> Result<Output, Failure> {
    let named = args.files.iter().map(|file| Ok((name(file), super::text(file)?)));
    let named = named.collect::<Result<Vec<_>, Failure>>()?;
    for (name, text) in &named {
        if let Ok(checked) = policy_core::check(name, text) {
            checked.warnings.iter().for_each(|warning| eprintln!("warning: {name}: {warning}"));
        }
    }
    let policies = compiled(named.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
    let agent = Agent {
        handle: &args.call.agent,
        tags: args.tags.iter().map(String::as_str).collect(),
        skills: args.skills.iter().map(String::as_str).collect(),
        namespace: &args.namespace,
        visibility: args.visibility.as_str(),
        attached: args.attached,
    };
    Ok(shown(&policies.decide(&asked(&args.call, agent)), policies.is_stored()))
}

/// By the policies that are stored, of the agent as it is kept.
pub(super) async fn explain(
    directory: &mut Directory,
    call: &PolicyCallArgs,
) -> Result<Output, Failure> {
    let stored = super::all(directory).await?;
    let policies = compiled(stored.iter().map(|policy| (&*policy.name, &*policy.text)))?;
    let kept = match call.agent.as_str() {
        "" => wire::Agent::default(),
        handle => {
            let request = wire::GetAgentRequest { handle: handle.to_owned(), consistency: 0 };
            directory.get_agent(request).await?.into_inner()
        }
    };
    let card = card(&kept);
    let agent = Agent {
        handle: &kept.handle,
        namespace: &kept.namespace,
        visibility: &kept.visibility,
        attached: kept.kind == ATTACHED,
        ..Agent::default()
    };
    let decision = policies.decide(&asked(call, agent.with_card(&card)));
    Ok(shown(&decision, policies.is_stored()))
}

/// A card that cannot be read has no skills, as for a gateway.
fn card(kept: &wire::Agent) -> Map<String, Value> {
    match json::parse_lossless(&kept.card) {
        Ok(Value::Object(card)) => card,
        _ => Map::new(),
    }
}

fn compiled<'p>(
    policies: impl IntoIterator<Item = (&'p str, &'p str)>,
) -> Result<Policies, Failure> {
    Policies::compile(policies).map_err(|error| Failure::usage(error.to_string()))
}

fn asked<'a>(call: &'a PolicyCallArgs, agent: Agent<'a>) -> CallRequest<'a> {
    let (kind, name) = &call.principal;
    CallRequest {
        principal: principal(*kind, name),
        operation: &call.method,
        agent,
        bytes: call.bytes,
        now: call.at.unwrap_or_else(now),
        share: call.share,
        parts: call.parts.iter().map(String::as_str).collect(),
        skill: call.skill.as_deref(),
    }
}

fn principal(kind: CallerKind, name: &str) -> Principal<'_> {
    match kind {
        CallerKind::Peer => Principal::Peer(name),
        CallerKind::ApiKey => Principal::ApiKey(name),
        CallerKind::User => Principal::User(name),
        CallerKind::Certificate => Principal::Certificate(name),
        CallerKind::Public => Principal::Public(name),
    }
}

/// Why, in words: a denial without a policy is that none permits.
fn shown(decision: &Decision, is_stored: bool) -> Output {
    let Decision { allowed, reasons, errors } = decision;
    let why = match (allowed, is_stored) {
        (true, false) => "no policy is stored",
        (true, true) => "permitted",
        (false, _) if !errors.is_empty() => "a policy could not be evaluated",
        (false, _) if reasons.is_empty() => "no policy permits it",
        (false, _) => "forbidden",
    };
    Output::one(serde_json::json!({
        "decision": if *allowed { "allow" } else { "deny" },
        "why": why,
        "policies": reasons,
        "errors": errors,
    }))
}

/// The name of a file without its ending.
fn name(file: &Path) -> String {
    match file.file_stem() {
        Some(stem) if file != Path::new("-") => stem.to_string_lossy().into_owned(),
        _ => STDIN.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Noun, PolicyVerb};

    fn tested(text: &str, more: &[&str]) -> Result<Value, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("night.cedar");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let always = ["ecumene", "policy", "test", file, "--principal", "peer:https://a.example"];
        let always = always.iter().chain(&["--method", "SendMessage", "--agent", "echo"]);
        let args = Args::try_parse_from(always.chain(more)).unwrap();
        let Noun::Policy(PolicyVerb::Test(args)) = args.noun else { unreachable!() };
        test(&args).map(|output| output.json)
    }

    #[test]
    fn a_file_decides_offline_and_says_by_what() {
        let text = "permit(principal, action, resource);
            @id(\"night\") forbid(principal, action, resource) when { context.hour < 6 };";
        let day = tested(text, &["--at", "2026-12-24T12:00:00Z"]).unwrap();
        assert_eq!((&day["decision"], &day["policies"][0]), (&"allow".into(), &"night/1".into()));
        let night = tested(text, &["--at", "2026-12-24T05:59:59Z"]).unwrap();
        assert_eq!((&night["decision"], &night["why"]), (&"deny".into(), &"forbidden".into()));
        assert_eq!(night["policies"][0], "night/night");
        let tagged = "permit(principal, action, resource) when { resource.tags.contains(\"t\") };";
        assert_eq!(tested(tagged, &[]).unwrap()["why"], "no policy permits it");
        assert_eq!(tested(tagged, &["--tag", "t"]).unwrap()["decision"], "allow");
    }

    #[test]
    fn what_is_no_policy_is_told_with_its_place() {
        let told = tested("permit(principal, action, resource)\nwhen { x };", &[]).unwrap_err();
        assert_eq!(told.exit_code(), 2);
        assert!(told.to_string().starts_with("policy night: line 2"), "{told}");
    }

    #[test]
    fn a_card_of_a_kept_agent_that_is_none_has_no_skills() {
        let agent = |card: &'static str| wire::Agent { card: card.into(), ..Default::default() };
        assert!(card(&agent("[")).is_empty() && card(&agent("[]")).is_empty());
        assert_eq!(card(&agent(r#"{"skills": []}"#)).len(), 1);
    }
}
