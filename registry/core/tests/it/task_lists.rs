//! The list of an owner's tasks: what is in it, in which order, and where its pages begin.

use std::cmp::Reverse;

use proptest::prelude::*;
use proto_types::{ContextId, Handle, Revision, TaskId, TaskOwner, WallMs};
use registry_core::apply_batch;
use registry_core::command::{CancelTask, Command};
use registry_core::entry::{NodeState, TaskEntry};
use registry_core::query::{self, StateWord, TASKS_COUNTED_MAX, TaskFilter};
use registry_core::table::TASKS;
use registry_core::verify;
use registry_core::view::{Memory, Space, Write};

use crate::commands::any_log;
use crate::world::*;

const OWNER: &str = "https://peer0.example";
const STRANGER: &str = "https://peer1.example";

fn all_of(owner: &str) -> TaskFilter {
    TaskFilter {
        owner: owner.parse().unwrap(),
        context: None,
        agent: None,
        states: Vec::new(),
        since: WallMs(0),
    }
}

fn in_context(name: &str) -> TaskFilter {
    TaskFilter { context: Some(ContextId::parse(name).unwrap()), ..all_of(OWNER) }
}

/// Every page, and the total that came with the first.
fn pages(memory: &Memory, filter: &TaskFilter, limit: usize) -> (Vec<Vec<TaskEntry>>, u64) {
    let (mut page, total) = query::tasks_listed(memory, filter, limit).unwrap();
    let mut pages = vec![page.tasks];
    while let Some(before) = page.before {
        page = query::tasks_listed_before(memory, filter, before, limit).unwrap();
        pages.push(page.tasks);
    }
    (pages, total)
}

/// The numbers of the tasks on each page.
fn numbers(memory: &Memory, filter: &TaskFilter, limit: usize) -> Vec<Vec<u8>> {
    let number = |task: &TaskEntry| task.id.as_str().trim_start_matches("task-").parse().unwrap();
    let (pages, _) = pages(memory, filter, limit);
    pages.iter().map(|tasks| tasks.iter().map(number).collect()).collect()
}

/// Tasks 1 to 4: each in a conversation and of an owner of its own way.
fn world_with_tasks() -> World {
    let mut world = World::populated();
    for (name, owner, context) in
        [(1, OWNER, "one"), (2, OWNER, "two"), (3, STRANGER, "three"), (4, OWNER, "one")]
    {
        let owner: TaskOwner = owner.parse().unwrap();
        world.later(MINUTE).done(&submit_with(name, |task| {
            (task.owner, task.context) = (owner, ContextId::parse(context).unwrap());
        }));
    }
    world
}

/// Caught: a key that a change of its task leaves where it was.
#[test]
fn the_task_that_changed_last_comes_first() {
    let mut world = world_with_tasks();
    let order = |world: &World| numbers(&world.memory, &all_of(OWNER), 9).concat();
    assert_eq!(order(&world), [4, 2, 1]);
    world.done(&assign(1, 0));
    assert_eq!(order(&world), [1, 4, 2]);
    world.done(&assign(2, 0));
    world.done(&complete(1, 0, 1, 1));
    assert_eq!(order(&world), [1, 2, 4]);
    world.done(&node_state(0, NodeState::Lost));
    assert_eq!(order(&world), [2, 1, 4], "it waits again");
    world.done(&Command::CancelTask(CancelTask { id: task_id(4), owner: None }));
    assert_eq!(order(&world), [4, 2, 1]);
    let report = verify::check(&world.memory);
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_list_has_what_the_filter_takes_and_of_no_other_owner() {
    let mut world = world_with_tasks();
    world.done(&assign(2, 0));
    let agent = |name: u8| TaskFilter { agent: Some(handle(name)), ..all_of(OWNER) };
    let states = |states: &[StateWord]| TaskFilter { states: states.to_vec(), ..all_of(OWNER) };
    let since = |minutes| TaskFilter { since: START.plus_ms(minutes * MINUTE), ..all_of(OWNER) };
    for (filter, expected) in [
        (all_of(STRANGER), &[3_u8][..]),
        (all_of("https://peer"), &[]),
        (in_context("one"), &[4, 1]),
        (in_context("three"), &[]),
        (in_context("on"), &[]),
        (agent(0), &[2, 4, 1]),
        (agent(7), &[]),
        (states(&[StateWord::Assigned]), &[2]),
        (states(&[StateWord::Completed, StateWord::Pending]), &[4, 1]),
        (since(4), &[2, 4]),
        (since(5), &[]),
        (TaskFilter { states: vec![StateWord::Assigned], ..in_context("one") }, &[]),
        (TaskFilter { since: START.plus_ms(4 * MINUTE), ..in_context("one") }, &[4]),
    ] {
        let (listed, total) = pages(&world.memory, &filter, 9);
        assert_eq!(numbers(&world.memory, &filter, 9).concat(), expected, "{filter:?}");
        assert_eq!((listed.len(), total), (1, expected.len() as u64), "{filter:?}");
        let single = numbers(&world.memory, &filter, 1);
        assert!(single.iter().all(|page| page.len() <= 1), "{filter:?}");
        assert_eq!(single.concat(), expected, "{filter:?}");
    }
}

#[test]
fn a_task_that_changes_meanwhile_moves_to_the_front_and_no_other_one_is_told_twice() {
    let mut world = world_with_tasks();
    let (first, _) = query::tasks_listed(&world.memory, &all_of(OWNER), 1).unwrap();
    assert_eq!(first.tasks[0].id, task_id(4));
    world.done(&assign(4, 0));
    world.done(&submit(5, 1, START.plus_ms(DAY)));
    let before = first.before.unwrap();
    let next = query::tasks_listed_before(&world.memory, &all_of(OWNER), before, 9).unwrap();
    let ids: Vec<_> = next.tasks.into_iter().map(|task| task.id).collect();
    assert_eq!((ids, next.before), (vec![task_id(2), task_id(1)], None));
}

/// Caught: a conversation that lists what the list of its owner has not.
#[test]
fn a_task_from_before_there_were_lists_is_in_none_and_its_state_is_sound() {
    let mut world = World::populated();
    world.done(&submit_with(1, |task| task.listed = false));
    world.done(&submit_with(2, |_| ()));
    world.done(&assign(1, 0));
    for filter in [all_of(OWNER), in_context("context")] {
        assert_eq!(numbers(&world.memory, &filter, 9), [[2]], "{filter:?}");
    }
    world.done(&complete(1, 0, 1, 1));
    assert!(!world.task(1).listed, "members of two versions write the same of it");
    assert_eq!(numbers(&world.memory, &all_of(OWNER), 9), [[2]]);
    let report = verify::check(&world.memory);
    assert!(report.is_sound(), "{report:?}");
}

/// A state with so many tasks of one owner and conversation; the first is of another agent and conversation.
fn crowd(count: u64) -> Memory {
    let mut world = World::populated();
    world.done(&submit(1, 1, START.plus_ms(DAY)));
    let task = world.task(1);
    let mut writes = Vec::new();
    for number in 1..=count {
        let (context, agent) = match number {
            1 => ("rare", handle(7)),
            _ => ("context", handle(0)),
        };
        let entry = TaskEntry {
            id: TaskId::parse(&format!("crowd-{number}")).unwrap(),
            context: ContextId::parse(context).unwrap(),
            agent,
            revision: Revision(1_000 + number),
            ..task.clone()
        };
        writes.push(TASKS.put(&entry));
        let derived = TASKS.derived(&entry).into_iter();
        writes.extend(derived.map(|(key, value)| Write::Put { space: Space::Index, key, value }));
    }
    world.memory.commit(&writes);
    world.memory
}

/// How many tasks there are on each page, and the total.
fn sizes(memory: &Memory, filter: &TaskFilter, limit: usize) -> (Vec<usize>, u64) {
    let (pages, total) = pages(memory, filter, limit);
    (pages.iter().map(Vec::len).collect(), total)
}

fn of_agent(name: u8) -> TaskFilter {
    let agent: Option<Handle> = Some(handle(name));
    TaskFilter { agent, ..all_of(OWNER) }
}

/// Caught: pages without tasks, and a total of nothing, before the tasks of an agent that was called long ago.
#[test]
fn a_list_of_some_of_thousands_of_tasks_is_whole_on_its_pages_and_in_its_total() {
    // The world's own task is the oldest.
    let memory = crowd(2_500);
    let pending = TaskFilter { states: vec![StateWord::Pending], ..all_of(OWNER) };
    let six_pages = |rest| [vec![500; 5], vec![rest]].concat();
    for (filter, expected) in [
        (of_agent(7), (vec![1], 1)),
        (of_agent(9), (vec![0], 0)),
        (in_context("rare"), (vec![1], 1)),
        (in_context("context"), (vec![500; 5], 2_500)),
        (pending, (six_pages(1), 2_501)),
        (all_of(OWNER), (six_pages(1), 2_501)),
    ] {
        assert_eq!(sizes(&memory, &filter, 500), expected, "{filter:?}");
    }
}

#[test]
fn for_one_page_no_more_than_a_bound_is_looked_at_and_what_lies_behind_it_comes_on_a_later_one() {
    let (memory, most) = (crowd(TASKS_COUNTED_MAX as u64 + 5), TASKS_COUNTED_MAX as u64);
    let of_agent = sizes(&memory, &of_agent(7), 9);
    assert_eq!(of_agent, (vec![0, 1], 0), "it is not among those that changed last");
    assert_eq!(sizes(&memory, &in_context("rare"), 9), (vec![1], 1), "a short one is whole");
    for filter in [all_of(OWNER), in_context("context")] {
        let (_, total) = query::tasks_listed(&memory, &filter, 1).unwrap();
        assert_eq!(total, most, "{filter:?}");
    }
}

/// What a list should have, found by a look at every task.
fn expected(memory: &Memory, filter: &TaskFilter) -> Vec<TaskEntry> {
    let mut tasks = TASKS.list(memory, None, usize::MAX).unwrap();
    tasks.retain(|task| {
        let word = task.state.word();
        let is_in = filter.states.is_empty() || filter.states.iter().any(|of| of.as_str() == word);
        task.listed && task.owner == filter.owner && task.changed_at >= filter.since && is_in
    });
    tasks.sort_by_key(|task| Reverse(task.revision));
    tasks
}

proptest! {
    /// Caught: a page that begins with the last task of the one before; `forget` that leaves the key.
    #[test]
    fn the_pages_of_a_list_are_all_that_it_should_have_in_its_order(
        log in any_log(),
        states in prop::sample::subsequence(StateWord::ALL.to_vec(), 0..=StateWord::ALL.len()),
        of_context in any::<bool>(),
        since_minutes in 0_u64..20,
        limit in 1_usize..5,
    ) {
        let mut memory = Memory::default();
        for (stamp, proposals) in &log {
            let change = apply_batch(&memory, *stamp, proposals).unwrap();
            memory.commit(&change.writes);
        }
        let context = of_context.then(|| ContextId::parse("context").unwrap());
        let since = START.plus_ms(since_minutes * MINUTE);
        let filter = TaskFilter { context, states, since, ..all_of("operator") };
        let expected = expected(&memory, &filter);
        let (pages, total) = pages(&memory, &filter, limit);
        prop_assert!(pages.iter().all(|page| page.len() <= limit));
        prop_assert_eq!(total, expected.len() as u64);
        prop_assert_eq!(pages.concat(), expected);
    }
}
