//! Submissions of tasks with what they bring along: the caller's token, the node that the leader names, the gateway that
//! waits.

use proto_types::{GatewayId, LeaseEpoch, TraceParent};
use registry_core::change::{Effect, Refusal, Reply};
use registry_core::command::{
    CancelTask, Command, ContinueTask, ExpireTask, FleetCommand, SetNodeState, SpendToken,
    SubmitTask,
};
use registry_core::entry::{Capacity, ChangeKind, NodeState, TaskEntry, TaskState};
use registry_core::query;
use registry_core::view::{Space, View as _};

use crate::tasks::asks;
use crate::world::*;

fn paid(name: u8, with: u8) -> Command {
    submit_with(name, |task| task.token = Some(token(with)))
}

fn offered(name: u8, node: u8) -> Command {
    submit_with(name, |task| task.node = Some(node_id(node)))
}

fn task_of(reply: Reply) -> TaskEntry {
    match reply {
        Reply::Task(task) => *task,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_submission_spends_its_token_and_a_spent_one_leaves_no_task() {
    let mut world = World::populated();
    world.done(&paid(1, 60));
    assert!(!world.was_spent(61), "another one is spent alone");
    let past = submit_with(2, |task| task.token = Some(SpendToken { until: START, ..token(62) }));
    for refused in [paid(2, 60), paid(2, 61), past] {
        assert_eq!(world.refusal(&refused), Refusal::TokenSpent);
    }
    assert_eq!(query::task(&world.memory, &task_id(2)).unwrap(), None);
    assert_eq!(query::open_tasks(&world.memory).unwrap(), 1);
}

#[test]
fn the_same_task_again_is_answered_as_it_is_and_no_token_is_looked_at() {
    let mut world = World::populated();
    let first = world.done(&paid(1, 60));
    let revision = world.revision();
    for again in [paid(1, 60), paid(1, 61), submit(1, 1, START.plus_ms(DAY))] {
        assert_eq!(world.done(&again), first);
    }
    assert_eq!(world.revision(), revision);
    let other = submit_with(1, |task| (task.input, task.token) = (digest(2), Some(token(61))));
    assert_eq!(world.refusal(&other), conflict("task", task_id(1)));
    assert!(!world.was_spent(61));
}

#[test]
fn a_task_has_the_trace_of_its_newest_message() {
    let mut world = World::populated();
    let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = Some(TraceParent::parse(text).unwrap());
    world.done(&submit_with(1, |task| task.traceparent = trace.clone()));
    world.done(&assign(1, 0));
    assert_eq!(world.task(1).traceparent, trace);
    world.done(&asks(1, 1, 2));
    let (id, input, owner) = (task_id(1), digest(2), "https://peer0.example".parse().unwrap());
    let (reply_to, gateway, traceparent, deadline) = (None, None, None, START.plus_ms(DAY));
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    world.done(&FleetCommand::ContinueTask(next).into());
    assert_eq!(world.task(1).traceparent, None);
}

/// Caught: the newest message was compared, so that who had lost the first answer was told of a conflict.
#[test]
fn the_same_task_again_is_the_task_though_it_has_had_further_messages_since() {
    let mut world = World::populated();
    world.done(&submit(1, 1, START.plus_ms(DAY)));
    world.done(&assign(1, 0));
    world.done(&asks(1, 1, 2));
    let (id, input, owner) = (task_id(1), digest(2), "https://peer0.example".parse().unwrap());
    let (reply_to, gateway, traceparent, deadline) = (None, None, None, START.plus_ms(DAY));
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    world.done(&FleetCommand::ContinueTask(next).into());
    let again = world.done(&submit(1, 1, START.plus_ms(DAY)));
    assert_eq!(task_of(again), world.task(1));
    let newest = submit(1, 2, START.plus_ms(DAY));
    assert_eq!(world.refusal(&newest), conflict("task", task_id(1)));
}

#[test]
fn a_submission_that_is_refused_spends_no_token() {
    let mut world = World::populated();
    world.done(&submit(9, 1, START.plus_ms(DAY)));
    let refused: [fn(&mut SubmitTask); 5] = [
        |task| task.agent = handle(7),
        |task| task.input = digest(99),
        |task| task.deadline = START,
        |task| task.deadline = START.plus_ms(8 * DAY),
        // The conversation is another caller's.
        |task| task.owner = "https://peer1.example".parse().unwrap(),
    ];
    for (name, ask) in (70..).zip(refused) {
        let command = submit_with(1, |task| {
            task.token = Some(token(name));
            ask(task);
        });
        assert_ne!(world.refusal(&command), Refusal::TokenSpent, "{command:?}");
        assert!(!world.was_spent(name), "{command:?}");
    }
    world.set_number("open-tasks/https://peer0.example", 75_000);
    let share = share_full("open tasks of the caller", 75_000);
    assert_eq!(world.refusal(&paid(1, 60)), share);
    assert!(!world.was_spent(60));
}

#[test]
fn a_node_that_is_named_has_the_task_in_one_revision_under_its_first_epoch() {
    let mut world = World::populated();
    let before = world.revision();
    let task = task_of(world.done(&offered(1, 0)));
    assert_eq!(world.effects, [Effect::TaskAssigned(task_id(1), node_id(0), LeaseEpoch(1))]);
    assert_eq!(task.state, TaskState::Assigned { node: node_id(0) });
    assert_eq!((task.epoch, task.attempts), (LeaseEpoch(1), 1));
    assert_eq!((task.revision, world.revision()), (before.next(), before.next()));
    assert_eq!(query::changes(&world.memory, before, 9).unwrap().len(), 1);
    assert_eq!(query::pending_tasks(&world.memory, 9).unwrap(), []);
    assert_eq!(
        query::tasks_of_node(&world.memory, &node_id(0), 9).unwrap(),
        std::slice::from_ref(&task)
    );
    assert_eq!(task_of(world.done(&offered(1, 0))), task, "it is placed once");
    assert_eq!(world.effects, []);
    world.done(&release(1, 1));
    world.done(&assign(1, 0));
    assert_eq!((world.task(1).epoch, world.task(1).attempts), (LeaseEpoch(2), 2));
    world.done(&complete(1, 0, 2, 1));
}

#[test]
fn a_nodes_tasks_are_counted_wherever_they_go_and_those_of_an_earlier_log_are_not() {
    for counted in [true, false] {
        let submit = |name| submit_with(name, |task| task.counted = counted);
        let mut world = World::populated();
        let held = |world: &World| {
            let key = [&[0, 0, 0], format!("node-tasks/{}", node_id(0)).as_bytes()].concat();
            world.memory.value(Space::State, &key).unwrap().map_or(0, |value| value[7])
        };
        world.done(&submit(1));
        world.done(&assign(1, 0));
        world.done(&submit(2));
        world.done(&assign(2, 0));
        assert_eq!(held(&world), if counted { 2 } else { 0 });
        world.done(&submit(3));
        assert_eq!(world.refusal(&assign(3, 0)), full("slots of the node", 2));
        world.done(&complete(1, 0, 1, 1));
        assert_eq!(held(&world), u8::from(counted), "one has ended");
        world.done(&node_state(0, NodeState::Lost));
        assert_eq!(held(&world), 0, "the other is put back");
        let report = registry_core::verify::check(&world.memory);
        assert!(report.is_sound(), "{report:?}");
    }
}

#[test]
fn a_node_that_may_not_run_the_task_leaves_it_pending_and_the_token_is_spent() {
    let other = Capacity { isolation: isolation(&["vm-emulated"]), ..capacity() };
    let (id, state) = (node_id(0), NodeState::Joined);
    let measured = Command::SetNodeState(SetNodeState { id, state, capacity: Some(other) });
    for (why, node, before) in [
        ("there is none", 7, vec![]),
        ("it drains", 0, vec![node_state(0, NodeState::Draining)]),
        ("it is lost", 0, vec![node_state(0, NodeState::Lost)]),
        ("it has another class", 0, vec![measured]),
        ("it is full", 0, vec![offered(2, 0), offered(3, 0)]),
    ] {
        let mut world = World::populated();
        for command in &before {
            world.done(command);
        }
        let command = submit_with(1, |task| {
            (task.token, task.node) = (Some(token(60)), Some(node_id(node)));
        });
        let task = task_of(world.done(&command));
        let found = (task.state, task.epoch, task.attempts);
        assert_eq!(found, (TaskState::Pending, LeaseEpoch(0), 0), "{why}");
        assert_eq!(world.effects, [Effect::TaskPending(task_id(1))], "{why}");
        assert!(world.was_spent(60), "{why}");
    }
}

/// Which gateways the changes of tasks name, in their order.
fn told(world: &World) -> Vec<Option<GatewayId>> {
    let changes = query::changes(&world.memory, Default::default(), 999).unwrap();
    let of_tasks = changes.into_iter().filter(|change| change.kind == ChangeKind::Task);
    of_tasks.map(|change| change.gateway).collect()
}

#[test]
fn every_change_of_a_task_names_the_gateway_that_waits_for_it() {
    let mut world = World::populated();
    let waits = |name: u8| Some(gateway_id(name));
    world.done(&submit_with(1, |task| task.gateway = waits(0)));
    world.done(&assign(1, 0));
    world.done(&release(1, 1));
    world.done(&assign(1, 0));
    world.done(&asks(1, 2, 2));
    assert_eq!(told(&world), vec![waits(0); 5]);
    let (id, input, owner) = (task_id(1), digest(2), "https://peer0.example".parse().unwrap());
    let (reply_to, gateway, deadline) = (None, waits(1), START.plus_ms(DAY));
    let traceparent = None;
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    world.done(&FleetCommand::ContinueTask(next).into());
    assert_eq!(world.task(1).gateway, waits(1));
    world.done(&assign(1, 0));
    world.done(&node_state(0, NodeState::Lost));
    world.done(&node_state(0, NodeState::Joined));
    world.done(&assign(1, 0));
    world.done(&Command::CancelTask(CancelTask { id: task_id(1), owner: None }));
    world.later(DAY);
    world.done(&Command::ExpireTask(ExpireTask { id: task_id(1), waits_for: None }));
    assert_eq!(told(&world)[5..], vec![waits(1); 6]);
    world.done(&submit(2, 1, START.plus_ms(2 * DAY)));
    assert_eq!(told(&world)[11..], [None], "what no gateway asked for names none");
}
