//! What is forgotten, and what is not.

use proto_types::{Revision, WallMs};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{
    Command, Compact, DeleteRecord, PeerCommand, PutBody, RequestEnrolment,
};
use registry_core::entry::{Candidate, JoinRole};
use registry_core::query;
use registry_core::view::{Space, View as _};

use crate::world::*;

fn compact(through: u64, until: WallMs) -> Command {
    Command::Compact(Compact { changes_through: Revision(through), tasks_until: until })
}

fn compacted(world: &mut World, through: u64, until: WallMs) -> (u64, bool) {
    match world.done(&compact(through, until)) {
        Reply::Compacted { compacted, more } => (compacted.0, more),
        other => panic!("{other:?}"),
    }
}

fn told(world: &World) -> Vec<u64> {
    let changes = query::changes(&world.memory, Revision(0), usize::MAX).unwrap();
    changes.iter().map(|event| event.revision.0).collect()
}

fn has_body(world: &World, name: u8) -> bool {
    query::body(&world.memory, &digest(name)).unwrap().is_some()
}

#[test]
fn changes_go_from_the_front_and_the_cursor_says_how_far() {
    let world = &mut World::populated();
    let newest = world.revision().0;
    assert_eq!(query::compacted(&world.memory).unwrap(), Revision(0));
    assert_eq!(compacted(world, 2, START), (2, false));
    assert_eq!(told(world), (3..=newest).collect::<Vec<_>>());
    assert_eq!(query::compacted(&world.memory).unwrap(), Revision(2));
    assert_eq!(compacted(world, 1, START), (2, false), "it never goes back");
    assert_eq!(compacted(world, newest, START), (newest, false));
    assert!(told(world).is_empty());
    assert_eq!(world.revision().0, newest, "forgetting takes no revision");
}

#[test]
fn what_lies_ahead_is_not_forgotten() {
    let world = &mut World::populated();
    let ahead = world.revision().0 + 1;
    assert!(matches!(world.refusal(&compact(ahead, START)), Refusal::Invalid { .. }));
    let refused = world.refusal(&compact(1, START.plus_ms(1)));
    assert!(matches!(refused, Refusal::TooFarAhead { .. }));
}

#[test]
fn ended_tasks_go_with_their_bodies_and_open_ones_stay() {
    let world = &mut World::populated();
    for (task, input) in [(1, 1), (2, 1), (3, 2)] {
        world.done(&submit(task, input, START.plus_ms(DAY)));
    }
    world.done(&assign(1, 0));
    world.done(&complete(1, 0, 1, 3));
    world.done(&assign(2, 0));
    let ended = world.now;
    world.later(MINUTE);
    compacted(world, 0, ended);
    assert!(query::task(&world.memory, &task_id(1)).unwrap().is_none());
    for task in [2, 3] {
        assert!(query::task(&world.memory, &task_id(task)).unwrap().is_some());
    }
    assert!(!has_body(world, 3), "nobody names the outcome any more");
    assert!(has_body(world, 1), "another task has the same input");
    assert!(has_body(world, 2));
    assert_eq!(query::open_tasks(&world.memory).unwrap(), 2);
}

#[test]
fn a_body_goes_once_nothing_names_it() {
    let world = &mut World::populated();
    let at = |ms: u64| START.minus_ms(1_000 - ms);
    world.done(&put_record(1, 1, at(1), None));
    compacted(world, 0, START);
    assert!(has_body(world, 1));
    assert!(!has_body(world, 2), "it was brought, and never named");
    world.done(&put_body(2));
    world.done(&put_record(1, 2, at(2), None));
    compacted(world, 0, START);
    assert!(!has_body(world, 1) && has_body(world, 2));
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    compacted(world, 0, START);
    assert!(!has_body(world, 2));
    let loose =
        world.memory.pairs().filter(|((space, key), _)| *space == Space::State && key[2] == 27);
    assert_eq!(loose.count(), 0);
}

#[test]
fn a_command_forgets_a_bounded_part_and_says_that_there_is_more() {
    let world = &mut World::new();
    for name in 0..300_u32 {
        world.done(&Command::PutBody(PutBody { bytes: name.to_be_bytes().to_vec() }));
    }
    assert_eq!(compacted(world, 0, START), (0, true));
    let left = world.memory.range(Space::Bodies, &[], &[0xff; 33], usize::MAX).unwrap();
    assert_eq!(left.len(), 300 - 256);
    assert_eq!(compacted(world, 0, START), (0, false));
}

fn ask_to_be_enrolled(name: u8) -> Command {
    let (origin, keys) = (origin(name), vec![key(1)]);
    let candidate = Candidate { origin, keys, recovery_keys: Vec::new(), founding: None };
    Command::Peer(PeerCommand::Request(RequestEnrolment { candidate, domain: false, source: None }))
}

/// Caught: an idle leader forgot 64 of a kind a minute, and what was void counted for weeks.
#[test]
fn a_command_says_that_there_is_more_of_what_is_void() {
    let kinds: [fn(u8) -> Command; 3] = [
        |name| enqueue(name, "a", START.plus_ms(MINUTE)),
        |name| issue(name, JoinRole::Node),
        ask_to_be_enrolled,
    ];
    for of_kind in kinds {
        let world = &mut World::populated();
        for name in 1..=70 {
            world.done(&of_kind(name));
        }
        world.later(8 * DAY);
        assert_eq!(compacted(world, 0, START), (0, true), "{:?}", of_kind(1));
        assert_eq!(compacted(world, 0, START), (0, false), "{:?}", of_kind(1));
        assert_eq!(world.number("kept-bytes") + world.number("peer-requests"), 0);
    }
}

#[test]
fn the_revision_of_a_time_is_found_among_those_kept() {
    let world = &mut World::populated();
    let first = world.revision();
    world.later(MINUTE).done(&enrol(1, &[1], registry_core::entry::Approval::Operator));
    let at = |world: &World, ms| query::revision_at(&world.memory, START.plus_ms(ms)).unwrap();
    assert_eq!(at(world, 0), first);
    assert_eq!(at(world, MINUTE - 1), first);
    assert_eq!(at(world, MINUTE), first.next());
    assert_eq!(query::revision_at(&world.memory, START.minus_ms(1)).unwrap(), Revision(0));
    compacted(world, 2, START);
    assert_eq!(query::revision_at(&world.memory, START.minus_ms(1)).unwrap(), Revision(2));
    assert_eq!(at(world, DAY), first.next());
}
