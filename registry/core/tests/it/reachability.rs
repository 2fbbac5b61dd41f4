//! What the crawler saw, and how often that is worth a write.

use proto_types::Revision;
use registry_core::command::{Command, DeleteRecord, FederationCommand, SetReachability};
use registry_core::entry::{ChangeEvent, ChangeKind, Reachability, Subject, Visibility};
use registry_core::query;

use crate::world::*;

fn saw(subject: Subject, class: Reachability) -> Command {
    FederationCommand::SetReachability(SetReachability {
        subject,
        class,
        prober: 3,
        why: "answered".into(),
    })
    .into()
}

fn of_record(class: Reachability) -> Command {
    saw(Subject::Record(handle(1)), class)
}

fn world() -> World {
    let mut world = World::populated();
    world.done(&put_record(1, 1, START, None));
    world
}

#[test]
fn a_transition_is_a_change_and_a_repetition_within_the_hour_is_nothing() {
    let mut world = world();
    let first = world.revision_of(&of_record(Reachability::Open));
    let event = query::changes(&world.memory, Revision(first.0 - 1), 1).unwrap().remove(0);
    assert_eq!((event.kind, &*event.id), (ChangeKind::Reachability, "record/urn:agent:0001"));
    let before = world.memory.clone();
    world.later(60 * MINUTE - 1);
    assert_eq!(world.revision_of(&of_record(Reachability::Open)), first);
    assert_eq!(before, world.memory);

    world.later(1);
    assert_eq!(
        world.revision_of(&of_record(Reachability::Open)),
        first,
        "no revision for a refresh"
    );
    let kept = query::reachability(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!((kept.since, kept.seen_at), (START, START.plus_ms(60 * MINUTE)));
    assert_eq!((kept.prober, kept.class), (3, Reachability::Open));

    let second = world.revision_of(&of_record(Reachability::Unreachable));
    assert_eq!(second, first.next());
    let kept = query::reachability(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!((kept.class, kept.since), (Reachability::Unreachable, kept.seen_at));
}

#[test]
fn only_what_is_live_has_liveness() {
    let mut world = world();
    let absent = saw(Subject::Record(handle(9)), Reachability::Open);
    assert_eq!(world.refusal(&absent), not_found("record", handle(9).as_str()));
    let absent = saw(Subject::Peer(origin(9)), Reachability::Open);
    assert_eq!(world.refusal(&absent), not_found("peer", origin(9)));
    world.done(&saw(Subject::Peer(origin(0)), Reachability::Gated));
    let seen = query::peer_reachability(&world.memory, &origin(0)).unwrap().unwrap();
    assert_eq!(seen.class, Reachability::Gated);
    world.done(&of_record(Reachability::Open));
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    assert_eq!(query::reachability(&world.memory, &handle(1)).unwrap(), None);
    assert_eq!(
        world.refusal(&of_record(Reachability::Open)),
        not_found("record", handle(1).as_str())
    );
}

/// A record of this visibility whose agent is found open, and the change that says so.
fn seen_open(of: Visibility) -> (World, ChangeEvent) {
    let mut world = World::populated();
    let mut put = put_record(1, 1, START, None);
    if let Command::PutRecord(put) = &mut put {
        put.visibility = Some(of);
    }
    world.done(&put);
    let revision = world.revision_of(&of_record(Reachability::Open));
    let event = query::changes(&world.memory, Revision(revision.0 - 1), 1).unwrap().remove(0);
    (world, event)
}

#[test]
fn a_change_of_liveness_is_seen_by_those_who_see_the_record() {
    let (_, event) = seen_open(Visibility::Private);
    let anonymous = registry_core::viewer::Viewer::Anonymous;
    assert!(!anonymous.sees(&event.after.unwrap()));
}

#[test]
fn a_redacted_record_does_not_show_how_its_agent_is() {
    let (world, event) = seen_open(Visibility::Redacted);
    let anonymous = registry_core::viewer::Viewer::Anonymous;
    assert_eq!(registry_core::viewer::change(&anonymous, &event), None);
    let seen = query::reachability_seen(&world.memory, &anonymous, &handle(1)).unwrap();
    assert_eq!(seen, None);
    let operator = registry_core::viewer::Viewer::Operator;
    assert!(query::reachability_seen(&world.memory, &operator, &handle(1)).unwrap().is_some());
}

#[test]
fn what_was_seen_at_another_card_is_forgotten() {
    let mut world = world();
    world.done(&of_record(Reachability::Open));
    let mut moved = put_record(1, 2, START.plus_ms(1), None);
    if let Command::PutRecord(put) = &mut moved {
        put.agent_card_url = "https://elsewhere.example/card.json".to_owned();
    }
    world.done(&moved);
    assert_eq!(query::reachability(&world.memory, &handle(1)).unwrap(), None);
}
