//! Spent tokens.

use proto_types::{Digest, WallMs};
use registry_core::change::{Reply, Spent};
use registry_core::command::{Command, LogCommand, ResetTime, SpendTokens};
use registry_core::view::Space;

use crate::world::*;

use Spent::{Fresh, OutOfHorizon, Replayed};

fn check(world: &mut World, entries: &[(u8, WallMs)], expected: &[Spent]) {
    let entries = entries.iter().map(|(name, until)| (digest(*name), *until)).collect();
    let reply = world.done(&Command::SpendTokens(SpendTokens { entries }));
    assert_eq!(reply, Reply::Spent(expected.to_vec()));
}

fn at(ms: u64) -> WallMs {
    START.plus_ms(ms)
}

/// How many hashes are remembered.
fn kept(world: &World) -> usize {
    world.memory.pairs().filter(|((space, key), _)| *space == Space::State && key[2] == 10).count()
}

#[test]
fn a_token_is_fresh_once_whatever_time_it_names() {
    let world = &mut World::new();
    check(world, &[(1, at(1)), (1, at(1)), (2, at(1))], &[Fresh, Replayed, Fresh]);
    // START is the first millisecond of a bucket, so these lie in the first, second and last one.
    for until in [at(1), at(119_999), at(120_000), at(15 * MINUTE)] {
        check(world, &[(1, until)], &[Replayed]);
    }
    check(world, &[(3, at(15 * MINUTE))], &[Fresh]);
    check(world, &[(3, at(1))], &[Replayed]);
}

#[test]
fn a_token_is_remembered_from_now_to_75_minutes_ahead() {
    let world = &mut World::new();
    let beyond = at(75 * MINUTE + 1);
    let verdicts = [OutOfHorizon, OutOfHorizon, OutOfHorizon, Fresh, Fresh];
    let entries =
        [(1, START), (2, START.minus_ms(1)), (3, beyond), (4, at(1)), (5, at(75 * MINUTE))];
    check(world, &entries, &verdicts);
    // A verdict out of the horizon spends nothing.
    check(world, &[(1, at(1)), (3, at(1))], &[Fresh, Fresh]);
}

#[test]
fn a_token_is_remembered_until_its_time_and_forgotten_with_its_bucket() {
    let world = &mut World::new();
    check(world, &[(1, at(119_999)), (2, at(240_001))], &[Fresh, Fresh]);
    check(world.later(119_998), &[(1, at(119_999))], &[Replayed]);
    check(world, &[], &[]);
    assert_eq!(kept(world), 2);
    check(world.later(2), &[], &[]);
    assert_eq!(kept(world), 1);
    check(world.later(120_000), &[(2, at(240_001))], &[Replayed]);
    // A clock that goes back finds what it found before.
    world.now = START;
    check(world, &[(2, at(240_001))], &[Replayed]);
    check(world, &[(1, at(119_999))], &[OutOfHorizon]);
}

#[test]
fn a_token_of_an_hour_is_remembered_as_long_whatever_time_is_named_later() {
    let world = &mut World::new();
    let end = at(61 * MINUTE);
    check(world, &[(1, end)], &[Fresh]);
    for until in [at(1), at(15 * MINUTE), end, at(75 * MINUTE)] {
        check(world, &[(1, until)], &[Replayed]);
    }
    check(world.later(61 * MINUTE - 1), &[(1, end)], &[Replayed]);
    check(world, &[(1, at(62 * MINUTE))], &[Replayed]);
    check(world.later(120 * MINUTE), &[(1, at(182 * MINUTE))], &[Fresh]);
    let long =
        |((space, key), _): &(&(Space, Vec<u8>), &Vec<u8>)| *space == Space::State && key[2] == 32;
    assert_eq!(world.memory.pairs().filter(long).count(), 0, "forgotten with its bucket");
}

#[test]
fn tokens_take_no_revision_and_at_most_1024_come_at_once() {
    let world = &mut World::new();
    let hash = |n: u16| Digest::of(&n.to_be_bytes());
    let entries: Vec<_> = (0..1_025).map(|n| (hash(n), at(1))).collect();
    let many = Command::SpendTokens(SpendTokens { entries: entries.clone() });
    assert_eq!(world.refusal(&many), full("tokens", 1_024));
    world.done(&Command::SpendTokens(SpendTokens { entries: entries[..1_024].to_vec() }));
    assert_eq!(world.revision(), proto_types::Revision(0));
}

#[test]
fn a_time_that_was_carried_ahead_is_brought_back_and_no_token_is_spent_twice_for_it() {
    let world = &mut World::new();
    check(world, &[(1, at(4 * MINUTE))], &[Fresh]);
    // A clock that is an hour ahead: what was spent is forgotten as past, and what is given out now is past.
    world.later(60 * MINUTE);
    world.done(&put_body(9));
    check(world, &[(2, at(5 * MINUTE))], &[OutOfHorizon]);
    let back = |to| Command::Log(LogCommand::ResetTime(ResetTime { to }));
    world.refusal(&back(world.now.minus_ms(5_000)));
    world.done(&back(at(MINUTE)));
    world.now = at(MINUTE);
    assert_eq!(registry_core::query::clock(&world.memory).unwrap(), at(MINUTE));
    // The first was spent, and nobody remembers: what was given out before counts no more.
    let is_before = |at| registry_core::epoch::is_before(&world.memory, at).unwrap();
    assert!(is_before(at(MINUTE)) && is_before(at(2 * MINUTE - 1)) && !is_before(at(2 * MINUTE)));
    check(world, &[(4, at(7 * MINUTE))], &[Fresh]);
    check(world, &[(4, at(7 * MINUTE))], &[Replayed]);
}
