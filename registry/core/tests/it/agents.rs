//! Agents that run elsewhere: attached, changed and removed, and never mixed up with those that our nodes run.

use proto_types::{Namespace, Upstream};
use registry_core::administrative;
use registry_core::change::Refusal;
use registry_core::command::{
    AttachAgent, Command, FleetCommand, Precondition, Versioned, Versions,
};
use registry_core::entry::{ChangeKind, Source, Usage, Visibility, agent_version};
use registry_core::query;
use registry_core::table::SEARCHES;
use registry_core::verify::check;
use registry_core::viewer::Viewer;

use crate::world::*;

fn is_in_use(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::InUse { kind, .. } if kind == "agent")
}

fn usage(world: &World) -> Usage {
    query::usage(&world.memory, &Namespace::default()).unwrap()
}

/// The handles of the agents that anybody is shown.
fn listed(world: &World) -> Vec<String> {
    let seen = query::agents_seen(&world.memory, &Viewer::Anonymous, None, 9).unwrap();
    seen.into_iter().map(|(agent, _)| agent.handle.to_string()).collect()
}

#[test]
fn an_attached_agent_is_kept_with_its_upstream_and_changed_by_the_next_word_about_it() {
    let mut world = World::populated();
    let first = world.revision_of(&attach(1, 1));
    assert_eq!(world.revision_of(&attach(1, 1)), first, "the same again is no change");
    let second = world.revision_of(&attach(1, 2));
    let moved = Upstream::parse(&["http://127.0.0.1:9000"], "HTTP+JSON", "0.3", "").unwrap();
    let command = FleetCommand::AttachAgent(AttachAgent {
        handle: handle(1),
        upstream: moved.clone(),
        card: digest(2),
        visibility: Some(Visibility::Private),
    });
    let third = world.revision_of(&command.into());
    assert!(first < second && second < third);
    let agent = query::agent(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!((agent.upstream(), agent.hosted()), (Some(&moved), None));
    assert_eq!((agent.card, agent.visibility), (digest(2), Visibility::Private));
    assert_eq!((agent.bytes, agent.changed_at), (Some(3), world.now));
    let kept = query::agent(&world.memory, &handle(0)).unwrap().unwrap();
    assert!(kept.hosted().is_some() && kept.upstream().is_none());
    assert_eq!(world.refusal(&attach(2, 99)), not_found("body", digest(99)));
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
}

#[test]
fn a_handle_is_that_of_a_hosted_or_of_an_attached_agent_until_it_is_removed() {
    let mut world = World::populated();
    assert!(is_in_use(&world.refusal(&attach(0, 1))));
    world.done(&remove_agent(0));
    world.done(&attach(0, 1));
    assert!(is_in_use(&world.refusal(&put_agent(1))));
    world.done(&remove_agent(0));
    world.done(&put_agent(1));
    assert_eq!(world.refusal(&remove_agent(9)), not_found("agent", handle(9)));
}

#[test]
fn a_condition_on_an_agent_holds_for_the_write_that_was_seen_and_for_no_other() {
    let mut world = World::populated();
    let require = |of: Option<Versions>, not: Option<Versions>| {
        let subject = Versioned::Agent(handle(1));
        Command::Require(Precondition { subject, if_match: of, if_none_match: not })
    };
    let version = |revision| agent_version(&handle(1), revision);
    let is = |revision| Some(Versions::OneOf(vec![version(revision)]));
    let failed = |stored| Refusal::PreconditionFailed { stored };
    assert_eq!(world.refusal(&require(Some(Versions::Any), None)), failed(None));
    world.done(&require(None, Some(Versions::Any)));
    let first = world.revision_of(&attach(1, 1));
    world.done(&require(is(first), None));
    world.done(&attach(1, 1));
    world.done(&require(is(first), None));
    let kept = query::agent(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!(kept.version(), version(first));
    assert_eq!(world.refusal(&require(None, is(first))), failed(Some(version(first))));
    let second = world.revision_of(&attach(1, 2));
    assert_eq!(world.refusal(&require(is(first), None)), failed(Some(version(second))));
    // What was removed and put again as it was is another version.
    world.done(&remove_agent(1));
    assert_eq!(world.refusal(&require(is(second), None)), failed(None));
    let third = world.revision_of(&attach(1, 2));
    assert_eq!(world.refusal(&require(is(second), None)), failed(Some(version(third))));
    world.done(&require(is(third), Some(Versions::OneOf(vec![version(first)]))));
}

#[test]
fn an_attached_agent_has_no_task_and_the_token_for_it_is_not_spent() {
    let mut world = World::populated();
    world.done(&attach(1, 1));
    let submitted = submit_with(1, |task| {
        task.agent = handle(1);
        task.token = Some(token(1));
    });
    let refused = world.refusal(&submitted);
    assert!(matches!(&refused, Refusal::Invalid { what, .. } if what == "agent"), "{refused:?}");
    assert!(!world.was_spent(1));
}

#[test]
fn a_hosted_agent_is_removed_once_none_of_its_tasks_is_open() {
    let mut world = World::populated();
    let mut other = put_agent(1);
    if let Command::PutAgent(put) = &mut other {
        put.handle = handle(3);
    }
    world.done(&other);
    world.done(&submit(1, 1, START.plus_ms(DAY)));
    world.done(&remove_agent(3));
    assert!(is_in_use(&world.refusal(&remove_agent(0))));
    world.done(&assign(1, 0));
    assert!(is_in_use(&world.refusal(&remove_agent(0))));
    world.done(&complete(1, 0, 1, 1));
    world.done(&remove_agent(0));
    let late = world.refusal(&submit(2, 1, START.plus_ms(DAY)));
    assert_eq!(late, not_found("agent", handle(0)));
    assert_eq!(world.task(1).agent, handle(0), "what has ended stays");
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
}

#[test]
fn a_removed_agent_is_counted_listed_found_and_kept_no_more_and_its_watchers_hear_it() {
    let mut world = World::populated();
    let before = usage(&world);
    world.done(&attach(1, 1));
    world.done(&attach(1, 2));
    world.done(&put_search(Source::Agent, 1, 2, 1));
    let Usage { agents, bytes, .. } = before;
    assert_eq!(usage(&world), Usage { agents: agents + 1, bytes: bytes + 3, ..before });
    assert_eq!(listed(&world), [handle(0).to_string(), handle(1).to_string()]);
    assert_eq!(SEARCHES.list(&world.memory, None, 9).unwrap().len(), 1);
    let last = world.revision();
    let gone = world.revision_of(&remove_agent(1));
    assert_eq!(usage(&world), before);
    assert_eq!(listed(&world), [handle(0).to_string()]);
    assert!(SEARCHES.list(&world.memory, None, 9).unwrap().is_empty());
    let told = query::changes(&world.memory, last, 9).unwrap().pop().unwrap();
    assert_eq!(
        (told.revision, told.kind, told.id),
        (gone, ChangeKind::Agent, handle(1).to_string())
    );
    assert!(told.deleted && told.before.is_some() && told.after.is_none());
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
}

#[test]
fn who_attaches_or_removes_an_agent_is_noted() {
    for (command, name) in [(attach(1, 1), "attach-agent"), (remove_agent(1), "remove-agent")] {
        assert_eq!(administrative::act(&command), Some((name, handle(1).to_string())));
    }
    assert_eq!(administrative::act(&FleetCommand::CallNodes.into()), None);
}
