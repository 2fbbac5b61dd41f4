//! The storage quota of tasks and envelopes: what is kept is counted until it is forgotten, and bounded with shares.

use proto_types::{Digest, LeaseEpoch, Revision, Stamp, WallMs};
use registry_core::change::{Reply, Write};
use registry_core::command::{
    CancelTask, Command, Compact, CompleteTask, ContinueTask, FleetCommand, PutBody,
};
use registry_core::entry::TaskEnd;
use registry_core::{apply, query, verify};

use crate::tasks::submitted;
use crate::world::*;

const OWNER: &str = "https://peer0.example";
/// All that is kept, and what is kept of [`OWNER`].
const COUNTERS: [&str; 2] = ["kept-bytes", "kept-bytes/https://peer0.example"];
/// How many tasks are open, of all and of [`OWNER`].
const OPEN: [&str; 2] = ["open-tasks", "open-tasks/https://peer0.example"];
const SHARE: &str = "bytes kept for the caller's tasks and envelopes";
const POOL: &str = "bytes kept for tasks and envelopes";
/// What a message counts beside its body.
const ROWS: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn at(ms: u64) -> WallMs {
    START.plus_ms(ms)
}

/// The bytes of all, and of the owner.
fn kept(world: &World) -> [u64; 2] {
    COUNTERS.map(|name| world.number(name))
}

fn set_kept(world: &mut World, number: u64) {
    COUNTERS.iter().for_each(|name| world.set_number(name, number));
}

/// Stores a body of 1 MiB, the largest there is.
fn large(world: &mut World, name: u8) -> Digest {
    let bytes = vec![name; 1 << 20];
    let digest = Digest::of(&bytes);
    world.done(&Command::PutBody(PutBody { bytes }));
    digest
}

fn first_message(body: Digest) -> Command {
    let mut command = submit(1, 0, at(DAY));
    if let Command::SubmitTask(task) = &mut command {
        task.input = body;
    }
    command
}

fn next_message(input: Digest) -> Command {
    let (id, owner, deadline) = (task_id(1), OWNER.parse().unwrap(), at(DAY));
    let (reply_to, gateway, traceparent) = (None, None, None);
    let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
    FleetCommand::ContinueTask(next).into()
}

fn ends(epoch: u64, end: TaskEnd, outcome: Digest) -> Command {
    let (id, node, epoch) = (task_id(1), node_id(0), LeaseEpoch(epoch));
    Command::CompleteTask(CompleteTask {
        id,
        node,
        epoch,
        end,
        outcome: Some(outcome),
        reason: None,
    })
}

fn compact(tasks_until: WallMs) -> Command {
    Command::Compact(Compact { changes_through: Revision(0), tasks_until })
}

/// As an earlier version has written it in its log.
fn unmetered(mut command: Command) -> Command {
    match &mut command {
        Command::SubmitTask(task) => task.metered = false,
        Command::EnqueueEnvelope(envelope) => envelope.metered = false,
        other => panic!("{other:?} takes no bytes"),
    }
    command
}

fn verify_holds(world: &World) {
    assert_eq!(verify::check(&world.memory).faults, Vec::<String>::new());
}

#[test]
fn a_task_counts_for_all_that_was_said_until_it_is_forgotten() {
    let mut world = World::populated();
    let [first, question, second, outcome] = [1, 2, 3, 4].map(|name| large(&mut world, name));
    for _ in 0..2 {
        world.done(&first_message(first));
        assert_eq!(kept(&world), [MIB + ROWS; 2], "the same id is the same task");
    }
    world.done(&assign(1, 0));
    world.done(&release(1, 1));
    world.done(&assign(1, 0));
    assert_eq!(kept(&world), [MIB + ROWS; 2]);
    for _ in 0..2 {
        world.done(&ends(2, TaskEnd::InputRequired, question));
        assert_eq!(kept(&world), [2 * MIB + ROWS; 2], "an outcome is committed once");
    }
    world.done(&next_message(second));
    assert_eq!(kept(&world), [3 * MIB + 2 * ROWS; 2]);
    world.done(&assign(1, 0));
    world.done(&ends(3, TaskEnd::Completed, outcome));
    assert_eq!(kept(&world), [4 * MIB + 2 * ROWS; 2]);
    assert_eq!(world.task(1).bytes, Some(4 * MIB + 2 * ROWS));
    verify_holds(&world);
    let ended = world.now;
    world.later(MINUTE);
    world.done(&compact(ended));
    assert_eq!(kept(&world), [0; 2]);
    verify_holds(&world);
}

/// Its body is kept for as long as its id is known.
#[test]
fn an_envelope_counts_until_its_id_is_forgotten() {
    let mut world = World::populated();
    let each = ROWS + 3;
    world.done(&enqueue(1, "a", at(MINUTE)));
    world.done(&enqueue(2, "b", at(2 * MINUTE)));
    world.done(&enqueue(1, "a", at(MINUTE)));
    assert_eq!(kept(&world), [2 * each; 2]);
    world.done(&lease("a", 1));
    world.done(&ack(1, "a", 1));
    assert_eq!(kept(&world), [2 * each; 2]);
    world.later(MINUTE);
    world.done(&lease("a", 1));
    assert_eq!(kept(&world), [each; 2]);
    world.later(MINUTE);
    world.done(&enqueue(2, "b", at(3 * MINUTE)));
    assert_eq!(kept(&world), [each; 2], "the id is free again");
    verify_holds(&world);
    world.later(MINUTE);
    world.done(&compact(START));
    assert_eq!(kept(&world), [0; 2]);
    verify_holds(&world);
}

#[test]
fn one_owners_bytes_leave_room_for_anothers_and_for_the_operators() {
    let mut world = World::populated();
    world.done(&enqueue(1, "a", at(DAY)));
    set_kept(&mut world, 6 * GIB);
    let share = |held| share_full(SHARE, held);
    let refused = world.refusal(&enqueue(2, "b", at(DAY)));
    assert_eq!(refused, share(6 * GIB), "targets are free names");
    let refused = world.refusal(&submitted(1, OWNER, true));
    assert_eq!(refused, share(6 * GIB + MIB), "with room for its outcome");
    let other = "https://peer1.example";
    world.done(&submitted(2, other, true));

    let pool = full(POOL, 16 * GIB);
    world.set_number("kept-bytes", 12 * GIB);
    assert_eq!(world.refusal(&submitted(3, other, true)), pool);
    world.done(&submitted(4, "operator", false));
    assert_eq!(world.number("kept-bytes/operator"), 0);
    world.set_number("kept-bytes", 16 * GIB);
    assert_eq!(world.refusal(&submitted(5, "operator", false)), pool);
}

/// Caught: 37,500 tasks of 1 KiB, whose outcomes of 1 MiB took everybody's room for as long as ended tasks are kept.
#[test]
fn an_owners_open_tasks_reserve_room_for_their_outcomes() {
    let mut world = World::populated();
    let have_open = |world: &mut World, tasks| {
        OPEN.iter().for_each(|name| world.set_number(name, tasks));
    };
    world.done(&submitted(1, OWNER, true));
    have_open(&mut world, 6_099);
    world.done(&submitted(2, OWNER, true));
    assert_eq!(kept(&world), [2 * (ROWS + 3); 2], "what is reserved is not kept");
    have_open(&mut world, 6_150);
    let held = |outcomes: u64| share_full(SHARE, outcomes * MIB + 2 * (ROWS + 3));
    assert_eq!(world.refusal(&submitted(3, OWNER, true)), held(6_151));
    assert_eq!(world.refusal(&enqueue(1, "a", at(DAY))), held(6_150));
    world.done(&submitted(4, "https://peer1.example", true));
    world.done(&submitted(5, "operator", false));
    // One that ends makes room, less what it brought.
    world.done(&assign(1, 0));
    have_open(&mut world, 6_100);
    world.done(&ends(1, TaskEnd::Completed, digest(2)));
    world.done(&submitted(3, OWNER, true));
    verify_holds(&world);
}

#[test]
fn an_outcome_is_kept_where_no_message_finds_room() {
    let mut world = World::populated();
    world.done(&submit(1, 1, at(DAY)));
    world.done(&assign(1, 0));
    set_kept(&mut world, 16 * GIB);
    world.done(&ends(1, TaskEnd::InputRequired, digest(2)));
    assert_eq!(kept(&world), [16 * GIB + 3; 2]);
    let refused = world.refusal(&next_message(digest(3)));
    assert_eq!(refused, full(POOL, 16 * GIB), "the bound, whatever is kept");
    set_kept(&mut world, MIB);
    world.done(&next_message(digest(3)));
    assert_eq!(kept(&world), [MIB + ROWS + 3; 2], "once there is room");
}

/// As of a state whose counters say less than its entries.
#[test]
fn a_count_never_falls_below_zero() {
    let mut world = World::populated();
    world.done(&enqueue(1, "a", at(MINUTE)));
    set_kept(&mut world, 1);
    world.later(MINUTE);
    world.done(&compact(START));
    assert_eq!(kept(&world), [0; 2]);
}

/// Members that replay the log of an earlier version write what that wrote.
#[test]
fn what_an_earlier_version_took_is_neither_counted_nor_given_back() {
    let mut world = World::populated();
    let life = [
        unmetered(submit(1, 1, at(DAY))),
        unmetered(enqueue(1, "a", at(MINUTE))),
        assign(1, 0),
        ends(1, TaskEnd::InputRequired, digest(2)),
        next_message(digest(3)),
        Command::CancelTask(CancelTask { id: task_id(1), owner: None }),
        compact(START),
    ];
    for command in life {
        if matches!(command, Command::Compact(_)) {
            world.later(MINUTE);
        }
        let change = apply(&world.memory, Stamp { now: world.now }, &command).unwrap();
        assert!(!matches!(change.reply, Reply::Refused(_)), "{command:?}: {:?}", change.reply);
        assert!(!change.writes.iter().any(counts), "{command:?}");
        world.memory.commit(&change.writes);
    }
    assert_eq!(query::task(&world.memory, &task_id(1)).unwrap(), None);
    let envelope = query::envelope(&world.memory, &origin(0), &envelope_id(1));
    assert_eq!(envelope.unwrap(), None, "both are forgotten");
    verify_holds(&world);
}

/// Whether a write is of a count of bytes kept.
fn counts(write: &Write) -> bool {
    let (Write::Put { key, .. } | Write::Delete { key, .. } | Write::DeleteRange { from: key, .. }) =
        write;
    key.get(3..).is_some_and(|name| name.starts_with(b"kept-bytes"))
}
