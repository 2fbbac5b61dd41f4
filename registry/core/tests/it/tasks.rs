//! Tasks: placed under rising epochs, ended once.

use proto_types::{ContextId, LeaseEpoch, Slots, TaskId, WallMs};
use registry_core::change::{Effect, Refusal, Reply};
use registry_core::command::{
    AssignTask, CancelTask, Command, ContinueTask, ExpireTask, FleetCommand, SetNodeState,
};
use registry_core::entry::{JoinRole, NodeState, TaskEnd, TaskState, Turn};
use registry_core::query;
use registry_core::rank::{Unmet, Unplaced};

use crate::world::*;

fn world_with_task() -> World {
    let mut world = World::populated();
    world.done(&submit(1, 1, START.plus_ms(DAY)));
    world
}

fn end_of(world: &World) -> (TaskEnd, String) {
    match world.task(1).state {
        TaskState::Ended { end, reason, .. } => (end, reason.unwrap_or_default()),
        other => panic!("not over: {other:?}"),
    }
}

fn cancel(owner: Option<&str>) -> Command {
    Command::CancelTask(CancelTask { id: task_id(1), owner: owner.map(|it| it.parse().unwrap()) })
}

fn expire() -> Command {
    Command::ExpireTask(ExpireTask { id: task_id(1), waits_for: None })
}

fn stale(current: u64, offered: u64) -> Refusal {
    Refusal::StaleEpoch { current: LeaseEpoch(current), offered: LeaseEpoch(offered) }
}

#[test]
fn the_same_id_with_the_same_input_is_the_same_task() {
    let mut world = world_with_task();
    let revision = world.revision();
    let again = world.done(&submit(1, 1, START.plus_ms(2 * DAY)));
    assert_eq!(again, Reply::Task(Box::new(world.task(1))));
    assert_eq!(world.revision(), revision);
    assert_eq!(world.refusal(&submit(1, 2, START.plus_ms(DAY))), conflict("task", task_id(1)));
    assert_eq!(query::open_tasks(&world.memory).unwrap(), 1);
}

#[test]
fn a_conversation_is_its_first_owners_for_as_long_as_a_task_of_it_is_kept() {
    let mut world = world_with_task();
    let by = |name: u8, owner: &str, conversation: &str| {
        let mut command = submit(name, 1, START.plus_ms(DAY));
        if let Command::SubmitTask(task) = &mut command {
            task.owner = owner.parse().unwrap();
            task.context = ContextId::parse(conversation).unwrap();
        }
        command
    };
    let stranger = "https://peer1.example";
    let refused = world.refusal(&by(2, stranger, "context"));
    assert_eq!(refused, conflict("context", "context"));
    // One that starts alike, or goes on behind it, is another.
    world.done(&by(2, stranger, "contex"));
    world.done(&by(3, stranger, "context2"));
    world.done(&by(4, "https://peer0.example", "context"));
    // Also once all of its tasks are over.
    for task in [1, 4] {
        world.done(&Command::CancelTask(CancelTask { id: task_id(task), owner: None }));
    }
    assert_eq!(world.refusal(&by(5, stranger, "context")), conflict("context", "context"));
}

#[test]
fn a_task_needs_an_agent_an_input_and_a_deadline_within_7_days() {
    let mut world = World::populated();
    let past = world.refusal(&submit(1, 1, START));
    assert_eq!(past, Refusal::Expired { expired_ms: START.0 });
    let far = world.refusal(&submit(1, 1, START.plus_ms(7 * DAY + 1)));
    assert!(matches!(far, Refusal::TooFarAhead { .. }));
    assert_eq!(world.refusal(&submit(1, 99, START.plus_ms(1))), not_found("body", digest(99)));
    let mut bare = World::new();
    bare.done(&put_body(1));
    assert_eq!(bare.refusal(&submit(1, 1, START.plus_ms(1))), not_found("agent", handle(0)));
}

#[test]
fn each_assignment_has_the_next_epoch() {
    let mut world = world_with_task();
    world.done(&assign(1, 0));
    let told = Effect::TaskAssigned(task_id(1), node_id(0), LeaseEpoch(1));
    assert_eq!(world.effects, [told]);
    assert_eq!(world.refusal(&assign(1, 0)), conflict("task", task_id(1)));
    assert_eq!(world.refusal(&release(1, 0)), stale(1, 0));
    world.done(&release(1, 1));
    assert_eq!(world.effects, [Effect::TaskPending(task_id(1))]);
    world.done(&release(1, 1));
    world.done(&assign(1, 0));
    let task = world.task(1);
    assert_eq!((task.epoch, task.attempts), (LeaseEpoch(2), 2));
}

#[test]
fn a_task_goes_to_a_joined_node_with_an_accepted_class_and_a_free_slot() {
    let mut world = world_with_task();
    assert_eq!(world.refusal(&assign(1, 7)), not_found("node", node_id(7)));
    world.done(&node_state(0, NodeState::Draining));
    assert!(matches!(world.refusal(&assign(1, 0)), Refusal::Invalid { .. }));
    let mut other = capacity();
    other.isolation = isolation(&["vm-emulated"]);
    let join = |capacity| {
        Command::SetNodeState(SetNodeState {
            id: node_id(0),
            state: NodeState::Joined,
            capacity: Some(capacity),
        })
    };
    world.done(&join(other));
    assert!(matches!(world.refusal(&assign(1, 0)), Refusal::Invalid { .. }));
    world.done(&join(capacity()));
    for task in [1, 2, 3] {
        world.done(&submit(task, 1, START.plus_ms(DAY)));
    }
    world.done(&assign(1, 0));
    world.done(&assign(2, 0));
    assert_eq!(world.refusal(&assign(3, 0)), full("slots of the node", 2));
}

#[test]
fn a_task_fails_after_5_attempts() {
    let mut world = world_with_task();
    for epoch in 1..=4 {
        world.done(&assign(1, 0));
        world.done(&release(1, epoch));
        assert_eq!(world.task(1).state, TaskState::Pending);
    }
    world.done(&assign(1, 0));
    world.done(&node_state(0, NodeState::Lost));
    let (end, reason) = end_of(&world);
    assert_eq!(end, TaskEnd::Failed);
    assert!(reason.starts_with("no node could run it"), "{reason}");
    assert_eq!(world.refusal(&release(1, 5)), Refusal::TaskEnded(task_id(1)));
    assert_eq!(query::open_tasks(&world.memory).unwrap(), 0);
}

#[test]
fn an_outcome_is_committed_once_under_the_current_epoch() {
    let mut world = world_with_task();
    assert_eq!(world.refusal(&complete(1, 0, 1, 1)), stale(0, 1));
    world.done(&assign(1, 0));
    world.done(&release(1, 1));
    assert_eq!(world.refusal(&complete(1, 0, 1, 1)), stale(1, 1));
    world.done(&assign(1, 0));
    assert_eq!(world.refusal(&complete(1, 0, 1, 1)), stale(2, 1));
    assert_eq!(world.refusal(&complete(1, 3, 2, 1)), conflict("task", task_id(1)));
    assert_eq!(world.refusal(&complete(1, 0, 2, 99)), not_found("body", digest(99)));
    let first = world.revision_of(&complete(1, 0, 2, 1));
    world.later(1);
    assert_eq!(world.revision_of(&complete(1, 0, 2, 1)), first);
    assert_eq!(world.revision(), first);
    assert_eq!(world.refusal(&complete(1, 0, 2, 2)), Refusal::TaskEnded(task_id(1)));
    assert_eq!(world.refusal(&complete(1, 0, 3, 1)), stale(2, 3));
    assert_eq!(world.refusal(&assign(1, 0)), Refusal::TaskEnded(task_id(1)));
    assert_eq!(query::overdue_tasks(&world.memory, START.plus_ms(9 * DAY), 9).unwrap(), []);
}

#[test]
fn a_pending_task_is_canceled_at_once_by_its_owner_or_the_operator() {
    let mut world = world_with_task();
    assert_eq!(world.refusal(&cancel(Some("somebody"))), not_found("task", task_id(1)));
    world.done(&cancel(Some("https://peer0.example")));
    assert_eq!(end_of(&world).0, TaskEnd::Canceled);
    let revision = world.revision();
    world.done(&cancel(None));
    assert_eq!(world.revision(), revision);
}

#[test]
fn an_assigned_task_is_canceled_through_its_node() {
    let mut world = world_with_task();
    world.done(&assign(1, 0));
    let told = [Effect::TaskCancelRequested(task_id(1), node_id(0), LeaseEpoch(1))];
    world.done(&cancel(None));
    assert_eq!(world.effects, told);
    assert!(world.task(1).cancel_requested);
    let revision = world.revision();
    world.done(&cancel(None));
    assert_eq!((world.effects.as_slice(), world.revision()), (told.as_slice(), revision));
    // Nobody wants it any more, so it is not placed again.
    world.done(&release(1, 1));
    assert_eq!(end_of(&world).0, TaskEnd::Canceled);

    let mut finished = world_with_task();
    finished.done(&assign(1, 0));
    finished.done(&cancel(None));
    finished.done(&complete(1, 0, 1, 1));
    assert_eq!(finished.refusal(&cancel(None)), Refusal::TaskEnded(task_id(1)));
}

pub(crate) fn asks(task: u8, epoch: u64, outcome: u8) -> Command {
    let mut command = complete(task, 0, epoch, outcome);
    if let Command::CompleteTask(complete) = &mut command {
        complete.end = TaskEnd::InputRequired;
    }
    command
}

fn go_on(input: u8, deadline: WallMs) -> Command {
    let owner = "https://peer0.example".parse().unwrap();
    let (id, input) = (task_id(1), digest(input));
    let (reply_to, gateway, traceparent) = (None, None, None);
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    FleetCommand::ContinueTask(next).into()
}

/// A world whose task 1 has asked for more.
fn asked() -> World {
    let mut world = world_with_task();
    world.done(&put_body(2));
    world.done(&assign(1, 0));
    world.done(&asks(1, 1, 2));
    world
}

#[test]
fn a_task_that_asked_for_more_goes_on_with_the_next_message() {
    let mut world = asked();
    let deadline = world.now.plus_ms(2 * DAY);
    assert_eq!(query::open_tasks(&world.memory).unwrap(), 0);
    world.done(&go_on(2, deadline));
    assert_eq!(world.effects, [Effect::TaskPending(task_id(1))]);
    let task = world.task(1);
    assert_eq!(
        (task.state.clone(), task.attempts, task.deadline),
        (TaskState::Pending, 0, deadline)
    );
    assert_eq!(task.turns, [Turn { input: digest(1), outcome: Some(digest(2)) }]);
    assert_eq!((task.input, query::open_tasks(&world.memory).unwrap()), (digest(2), 1));
    let again = world.done(&go_on(2, deadline));
    assert_eq!(again, Reply::Task(Box::new(task)), "the same message is the same turn");
    assert_eq!(world.refusal(&go_on(1, deadline)), conflict("task", task_id(1)));
    assert_eq!(world.refusal(&asks(1, 1, 2)), stale(1, 1), "the old epoch is over");
    world.done(&assign(1, 0));
    assert_eq!(world.task(1).epoch, LeaseEpoch(2));
    world.done(&complete(1, 0, 2, 1));
    assert_eq!(world.refusal(&go_on(1, deadline)), Refusal::TaskEnded(task_id(1)));
    assert_eq!(world.task(1).turns.len(), 1, "nothing of what was said is lost");
}

/// Its sender did not hear that it was taken, and by then the agent had asked again.
#[test]
fn a_message_that_comes_again_after_the_agents_next_question_is_no_second_one() {
    let mut world = asked();
    let deadline = world.now.plus_ms(DAY);
    world.done(&go_on(2, deadline));
    world.done(&assign(1, 0));
    world.done(&asks(1, 2, 1));
    let task = world.task(1);
    assert_eq!(world.done(&go_on(2, deadline)), Reply::Task(Box::new(task.clone())));
    assert_eq!(world.task(1), task);
    world.done(&go_on(1, deadline));
    assert_eq!((world.task(1).turns.len(), world.task(1).state), (2, TaskState::Pending));
}

#[test]
fn only_its_owner_continues_a_task_and_only_one_that_asked() {
    let mut world = asked();
    let deadline = world.now.plus_ms(DAY);
    let mut other = go_on(2, deadline);
    if let Command::Fleet(FleetCommand::ContinueTask(turn)) = &mut other {
        turn.owner = "https://peer1.example".parse().unwrap();
    }
    assert_eq!(world.refusal(&other), not_found("task", task_id(1)));
    assert_eq!(world.refusal(&go_on(99, deadline)), not_found("body", digest(99)));
    assert!(matches!(world.refusal(&go_on(2, START)), Refusal::Expired { .. }));
    let mut pending = world_with_task();
    pending.done(&put_body(2));
    assert_eq!(pending.refusal(&go_on(2, deadline)), conflict("task", task_id(1)));
}

#[test]
fn a_task_that_asked_for_more_is_canceled_at_once() {
    let mut world = asked();
    world.done(&cancel(Some("https://peer0.example")));
    assert_eq!(end_of(&world).0, TaskEnd::Canceled);
    assert_eq!(query::open_tasks(&world.memory).unwrap(), 0);
    let deadline = world.now.plus_ms(DAY);
    assert_eq!(world.refusal(&go_on(2, deadline)), Refusal::TaskEnded(task_id(1)));

    let mut asking = world_with_task();
    asking.done(&put_body(2));
    asking.done(&assign(1, 0));
    asking.done(&cancel(None));
    asking.done(&asks(1, 1, 2));
    assert_eq!(end_of(&asking).0, TaskEnd::Canceled, "nobody is there to answer");
    asking.done(&asks(1, 1, 2));
}

#[test]
fn a_task_takes_64_messages() {
    let mut world = asked();
    for turn in 1..=64_u64 {
        let (input, deadline) = (1 + u8::try_from(turn % 2).unwrap(), world.now.plus_ms(DAY));
        world.done(&go_on(input, deadline));
        world.done(&assign(1, 0));
        world.done(&asks(1, turn + 1, 2));
    }
    let deadline = world.now.plus_ms(DAY);
    assert_eq!(world.refusal(&go_on(2, deadline)), Refusal::TaskEnded(task_id(1)));
}

#[test]
fn a_task_expires_when_its_deadline_has_passed_and_not_before() {
    let mut world = world_with_task();
    world.done(&assign(1, 0));
    world.later(DAY - 1);
    let early = Refusal::TooFarAhead { what: "deadline".into(), ahead_ms: 1, ahead_ms_max: 0 };
    assert_eq!(world.refusal(&expire()), early);
    assert_eq!(query::overdue_tasks(&world.memory, world.now, 9).unwrap(), []);
    world.later(1);
    assert_eq!(query::overdue_tasks(&world.memory, world.now, 9).unwrap(), [world.task(1)]);
    world.done(&expire());
    let told = Effect::TaskCancelRequested(task_id(1), node_id(0), LeaseEpoch(1));
    assert_eq!(world.effects, [told, Effect::TaskEnded(task_id(1))]);
    assert_eq!(end_of(&world), (TaskEnd::Failed, "its deadline passed".into()));
    assert_eq!(world.refusal(&expire()), Refusal::TaskEnded(task_id(1)));
}

#[test]
fn a_task_that_its_deadline_ends_before_it_ran_says_what_it_waited_for() {
    let waits = "its deadline passed while it waited for a node";
    let nowhere = "no node offers an isolation class that the agent accepts";
    let busy = "every node that can run the agent is busy";
    for (waits_for, is_placed, said) in [
        (Some(Unplaced::Nowhere(Unmet::Isolation)), false, format!("{waits}: {nowhere}")),
        (Some(Unplaced::Busy), false, format!("{waits}: {busy}")),
        // Placed since the leader looked, and of an earlier log.
        (Some(Unplaced::Busy), true, "its deadline passed".to_owned()),
        (None, false, "its deadline passed".to_owned()),
    ] {
        let mut world = world_with_task();
        if is_placed {
            world.done(&assign(1, 0));
        }
        world.later(DAY);
        world.done(&Command::ExpireTask(ExpireTask { id: task_id(1), waits_for }));
        assert_eq!(end_of(&world), (TaskEnd::Failed, said));
    }
}

#[test]
fn the_end_of_an_overdue_task_in_an_earlier_log_is_read_and_keeps_its_bytes() {
    #[derive(serde::Serialize)]
    enum Earlier {
        ExpireTask { id: TaskId },
    }
    let earlier = rmp_serde::to_vec_named(&Earlier::ExpireTask { id: task_id(1) }).unwrap();
    assert_eq!(rmp_serde::from_slice::<Command>(&earlier).unwrap(), expire());
    assert_eq!(rmp_serde::to_vec_named(&expire()).unwrap(), earlier);
}

#[test]
fn an_overdue_task_is_not_assigned() {
    let mut world = world_with_task();
    world.later(DAY);
    assert!(matches!(world.refusal(&assign(1, 0)), Refusal::Expired { .. }));
}

#[test]
fn waiting_tasks_are_listed_in_the_order_they_came_to_wait() {
    let mut world = World::populated();
    for task in [3, 1, 2] {
        world.done(&submit(task, 1, START.plus_ms(DAY)));
    }
    world.done(&assign(3, 0));
    world.done(&release(3, 1));
    let waiting = query::pending_tasks(&world.memory, 2).unwrap();
    let ids: Vec<_> = waiting.into_iter().map(|task| task.id).collect();
    assert_eq!(ids, [task_id(1), task_id(2)]);
    assert_eq!(query::pending_tasks(&world.memory, 9).unwrap().len(), 3);
}

#[test]
fn more_than_a_page_of_tasks_is_put_back_in_one_command() {
    let mut world = World::populated();
    world.done(&issue(9, JoinRole::Node));
    let mut wide = capacity();
    wide.slots = Slots::new(2_000).unwrap();
    let join = Command::SetNodeState(SetNodeState {
        id: node_id(0),
        state: NodeState::Joined,
        capacity: Some(wide),
    });
    world.done(&join);
    let id = |n: u32| proto_types::TaskId::parse(&format!("many-{n}")).unwrap();
    for n in 0..1_100 {
        let mut command = submit(0, 1, START.plus_ms(DAY));
        if let Command::SubmitTask(task) = &mut command {
            task.id = id(n);
        }
        world.done(&command);
        world.done(&Command::AssignTask(AssignTask { id: id(n), node: node_id(0) }));
    }
    world.done(&node_state(0, NodeState::Lost));
    assert_eq!(query::pending_tasks(&world.memory, 2_000).unwrap().len(), 1_100);
    assert_eq!(query::tasks_of_node(&world.memory, &node_id(0), 1).unwrap(), []);
}

/// A task of this owner in a conversation of its own.
pub(crate) fn submitted(name: u8, owner: &str, shares: bool) -> Command {
    let mut command = submit(name, 1, START.plus_ms(DAY));
    if let Command::SubmitTask(task) = &mut command {
        (task.owner, task.shared) = (owner.parse().unwrap(), shares);
        task.context = ContextId::parse(&format!("context-{name}")).unwrap();
    }
    command
}

#[test]
fn one_callers_open_tasks_leave_room_for_anothers_and_for_the_operator() {
    let mut world = World::populated();
    let (greedy, other) = ("https://peer0.example", "https://peer1.example");
    world.done(&submitted(1, greedy, true));
    for name in ["open-tasks", "open-tasks/https://peer0.example"] {
        world.set_number(name, 37_500);
    }
    let share = share_full("open tasks of the caller", 37_500);
    assert_eq!(world.refusal(&submitted(2, greedy, true)), share);
    world.done(&submitted(3, other, true));
    world.set_number("open-tasks", 75_000);
    assert_eq!(world.refusal(&submitted(4, other, true)), full("open tasks", 75_000));
    world.done(&submitted(5, "operator", false));
    world.set_number("open-tasks", 100_000);
    assert_eq!(world.refusal(&submitted(6, "operator", false)), full("open tasks", 100_000));
}

#[test]
fn a_share_goes_down_by_the_tasks_that_it_has_counted_alone() {
    let mut world = World::populated();
    let owner = "https://peer0.example";
    let held = |world: &World| world.number("open-tasks/https://peer0.example");
    // As an earlier version has written it in its log.
    world.done(&submitted(1, owner, false));
    assert_eq!(held(&world), 0);
    world.done(&submitted(2, owner, true));
    assert_eq!((held(&world), query::open_tasks(&world.memory).unwrap()), (1, 2));
    world.done(&cancel(Some(owner)));
    assert_eq!((held(&world), query::open_tasks(&world.memory).unwrap()), (1, 1));
    // One that asks for more has left its place, and takes it again with the next message.
    world.done(&assign(2, 0));
    world.done(&asks(2, 1, 2));
    assert_eq!(held(&world), 0);
    let (id, input, deadline) = (task_id(2), digest(2), START.plus_ms(DAY));
    let owner = owner.parse().unwrap();
    let (reply_to, gateway, traceparent) = (None, None, None);
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    world.done(&FleetCommand::ContinueTask(next).into());
    assert_eq!(held(&world), 1);
    world.done(&Command::CancelTask(CancelTask { id: task_id(2), owner: None }));
    assert_eq!((held(&world), query::open_tasks(&world.memory).unwrap()), (0, 0));
}
