//! Where the changes of a task are pushed to, and the notifications of its ends.

use proto_types::{Notification, PushConfig, QueueName, Reason, TaskId};
use registry_core::change::{Lease, Refusal, Reply};
use registry_core::command::{
    CancelTask, Command, Compact, ContinueTask, DeletePushConfig, FailEnvelope, FleetCommand,
    PutPushConfig, SubmitTask,
};
use registry_core::entry::{TaskEnd, TaskState};
use registry_core::{query, verify};

use crate::tasks::asks;
use crate::world::*;

const OWNER: &str = "https://peer0.example";
const KEPT: &str = "kept-bytes/https://peer0.example";

fn put_by(owner: &str, config: PushConfig) -> Command {
    let (task, owner) = (task_id(1), owner.parse().unwrap());
    FleetCommand::PutPushConfig(PutPushConfig { task, owner, config }).into()
}

fn put(name: u8) -> Command {
    put_by(OWNER, push_config(name))
}

fn delete_by(owner: &str, name: u8) -> Command {
    let (task, owner, config) = (task_id(1), owner.parse().unwrap(), push_config(name).id);
    FleetCommand::DeletePushConfig(DeletePushConfig { task, owner, config }).into()
}

fn delete(name: u8) -> Command {
    delete_by(OWNER, name)
}

/// A world whose task 1 runs and is pushed to so many receivers.
fn running(receivers: u8) -> World {
    let mut world = World::populated();
    world.done(&submit(1, 1, START.plus_ms(DAY)));
    (0..receivers).for_each(|name| drop(world.done(&put(name))));
    world.done(&assign(1, 0));
    world
}

/// The notifications that can be leased.
fn leased(world: &mut World) -> Vec<Lease> {
    match world.done(&lease(QueueName::PUSH, 100)) {
        Reply::Leased(leases) => leases,
        other => panic!("{other:?}"),
    }
}

/// What they say: which configuration, and how many turns had ended before.
fn told(world: &mut World) -> Vec<(String, u32)> {
    let leases = leased(world);
    let read = |lease: &Lease| {
        let body = query::body(&world.memory, &lease.envelope.body).unwrap().unwrap();
        let told = Notification::parse(&body).unwrap();
        assert_eq!((told.task, told.owner.as_str()), (task_id(1), OWNER));
        (told.config.as_str().to_owned(), told.turn)
    };
    leases.iter().map(read).collect()
}

fn depth(world: &World) -> u64 {
    query::queue_depth(&world.memory, QueueName::PUSH).unwrap()
}

#[test]
fn each_receiver_is_told_once_how_a_task_ended_and_a_task_without_any_enqueues_nothing() {
    for (receivers, expected) in [(0, &[][..]), (2, &["push-0", "push-1"])] {
        let mut world = running(receivers);
        assert_eq!(depth(&world), 0, "that it runs is no end");
        world.done(&complete(1, 0, 1, 2));
        world.done(&complete(1, 0, 1, 2));
        let expected: Vec<_> = expected.iter().map(|name| ((*name).to_owned(), 0)).collect();
        assert_eq!(told(&mut world), expected);
        assert!(verify::check(&world.memory).is_sound());
    }
}

#[test]
fn a_question_is_an_end_of_its_turn_and_so_is_each_other_way_to_end() {
    let mut world = running(1);
    world.done(&asks(1, 1, 2));
    let (id, input, owner) = (task_id(1), digest(3), OWNER.parse().unwrap());
    let (reply_to, gateway, traceparent, deadline) = (None, None, None, START.plus_ms(DAY));
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    world.done(&FleetCommand::ContinueTask(next).into());
    let cancel = Command::CancelTask(CancelTask { id: task_id(1), owner: OWNER.parse().ok() });
    world.done(&cancel);
    world.done(&cancel);
    assert_eq!(told(&mut world), [("push-0".to_owned(), 0), ("push-0".to_owned(), 1)]);

    let mut asked = running(1);
    asked.done(&asks(1, 1, 2));
    asked.done(&cancel);
    assert_eq!(told(&mut asked).len(), 2, "a question that is not answered ends, too");
}

#[test]
fn an_owner_alone_says_where_to_push_also_of_a_task_that_has_ended_and_nothing_else_changes() {
    let mut world = running(0);
    world.done(&complete(1, 0, 1, 2));
    let before = world.task(1);
    assert!(matches!(before.state, TaskState::Ended { end: TaskEnd::Completed, .. }));
    let revision = world.revision();
    let Reply::Task(task) = world.later(MINUTE).done(&put(0)) else { panic!("no task") };
    assert_eq!((task.changed_at, task.revision), (before.changed_at, before.revision));
    assert_eq!((world.revision(), depth(&world)), (revision, 0));
    assert_eq!(world.task(1).push, [push_config(0)]);
    world.done(&put(0));
    assert_eq!(world.task(1), *task, "the same again is the same");
    let stranger = "https://peer1.example";
    for refused in [put_by(stranger, push_config(1)), delete_by(stranger, 0)] {
        assert_eq!(world.refusal(&refused), not_found("task", task_id(1)));
    }
    world.done(&delete(0));
    assert_eq!(world.task(1), before);
    world.done(&delete(0));
    assert_eq!(world.task(1), before, "what is gone is deleted");
}

#[test]
fn nothing_more_is_told_to_a_receiver_that_was_deleted() {
    let mut world = running(2);
    world.done(&delete(0));
    world.done(&complete(1, 0, 1, 2));
    assert_eq!(told(&mut world), [("push-1".to_owned(), 0)]);
}

#[test]
fn a_task_has_8_receivers_of_different_names_and_their_bytes_are_counted_with_it() {
    let mut world = World::populated();
    world.done(&submit(1, 1, START.plus_ms(DAY)));
    let before = world.number(KEPT);
    for name in 0..8 {
        world.done(&put(name));
    }
    let of_one = push_config(0).bytes() + 1_024;
    assert_eq!(world.number(KEPT), before + 8 * of_one);
    let one_more = world.refusal(&put(8));
    assert!(matches!(one_more, Refusal::Invalid { .. }), "{one_more:?}");
    let other = PushConfig { url: push_config(9).url, ..push_config(3) };
    world.done(&put_by(OWNER, other.clone()));
    assert_eq!(world.task(1).push.last(), Some(&other), "the same name is replaced");
    (0..8).for_each(|name| drop(world.done(&delete(name))));
    assert_eq!((world.number(KEPT), world.task(1).push.len()), (before, 0));
    assert!(verify::check(&world.memory).is_sound());
}

#[test]
fn receivers_are_forgotten_with_their_task() {
    let mut world = running(2);
    world.done(&complete(1, 0, 1, 2));
    let before_all = world.number(KEPT);
    assert!(before_all > 2 * 1_024);
    let forgotten = world.now.plus_ms(DAY);
    world.later(2 * DAY);
    let changes_through = world.revision();
    world.done(&Command::Compact(Compact { changes_through, tasks_until: forgotten }));
    assert_eq!(query::task(&world.memory, &task_id(1)).unwrap(), None);
    assert_eq!(world.number(KEPT), 0);
}

#[test]
fn a_task_ends_also_where_no_notification_more_has_room() {
    let mut world = running(1);
    let share = format!("queue-held/{} {OWNER}", QueueName::PUSH);
    // As many as one owner may have wait already.
    world.done(&put(1));
    world.done(&asks(1, 1, 2));
    assert_eq!((depth(&world), world.number(&share)), (2, 2));
    world.set_number(&share, 10_000);
    world.set_number(&format!("queue/{}", QueueName::PUSH), 10_000);
    let cancel = Command::CancelTask(CancelTask { id: task_id(1), owner: OWNER.parse().ok() });
    world.done(&cancel);
    assert!(matches!(world.task(1).state, TaskState::Ended { end: TaskEnd::Canceled, .. }));
    assert_eq!(depth(&world), 10_000, "and nobody is told");
}

#[test]
fn a_notification_that_nobody_takes_is_a_dead_letter_under_the_reserved_name() {
    let mut world = running(1);
    world.done(&complete(1, 0, 1, 2));
    let leases = leased(&mut world);
    let [one] = &leases[..] else { panic!("one notification") };
    assert_eq!(one.envelope.source.as_str(), OWNER);
    let fail = FleetCommand::FailEnvelope(FailEnvelope {
        target: QueueName::push(),
        source: one.envelope.source.clone(),
        id: one.envelope.id.clone(),
        epoch: one.epoch,
        reason: Reason::given("the receiver answered 410"),
        not_before: START,
        attempts_max: 1,
    });
    world.done(&fail.into());
    let letters = query::dead_letters(&world.memory, Some(&QueueName::push()), None, 9).unwrap();
    assert_eq!(letters.len(), 1);
    assert!(verify::check(&world.memory).is_sound());
}

#[test]
fn an_owner_that_is_no_origin_has_a_share_of_its_own() {
    let mut world = World::populated();
    world.done(&submit_with(1, |task: &mut SubmitTask| task.owner = "key:a".parse().unwrap()));
    world.done(&put_by("key:a", push_config(0)));
    let id: TaskId = task_id(1);
    world.done(&Command::CancelTask(CancelTask { id, owner: None }));
    let leases = leased(&mut world);
    let [one] = &leases[..] else { panic!("one notification") };
    assert!(one.envelope.source.as_str().ends_with(".invalid"), "{one:?}");
}
