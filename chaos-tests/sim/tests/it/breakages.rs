//! Each way to break a world is caught, by the invariant that is there for it.

use std::collections::BTreeSet;

use chaos_sim::{Breakage, Settings, run};

/// Which invariants worlds broken so violate.
fn caught(breakage: Breakage, seeds: std::ops::Range<u64>) -> BTreeSet<String> {
    let settings = Settings { members: 3, breakage: Some(breakage) };
    let violations = seeds.filter_map(|seed| run(seed, settings).err());
    violations.map(|violation| violation.invariant).collect()
}

fn check(breakage: Breakage, invariant: &str) {
    let caught = caught(breakage, 0..100);
    assert!(caught.contains(invariant), "{breakage:?} violates only {caught:?}");
}

#[test]
fn a_member_that_votes_for_everybody_makes_two_leaders() {
    check(Breakage::ManyVotes, "a term has one leader");
}

#[test]
fn a_sync_that_lies_loses_what_was_acknowledged() {
    check(Breakage::LyingSync, "replicas agree");
}

#[test]
fn one_copy_is_not_enough() {
    check(Breakage::QuorumOfOne, "replicas agree");
}

#[test]
fn an_entry_applied_twice_is_seen() {
    check(Breakage::AppliedTwice, "replicas agree");
}

#[test]
fn a_member_that_uses_its_own_clock_is_seen() {
    check(Breakage::OwnClock, "replicas agree");
}

#[test]
fn a_leader_that_stamps_with_its_own_clock_is_seen() {
    check(Breakage::OneClock, "time is a majority's");
}

#[test]
fn a_read_that_nobody_confirmed_is_stale_one_day() {
    // It takes a deposed leader and a reader that stays with it: one world in three hundred.
    let caught = caught(Breakage::UnconfirmedReads, 0..600);
    assert!(caught.contains("strong reads are linearizable"), "{caught:?}");
}

#[test]
fn an_answer_before_the_commit_is_a_lie_one_day() {
    let caught = caught(Breakage::EarlyAnswer, 0..100);
    let expected = ["acknowledged writes survive", "tokens are spent once", "tasks end once"];
    assert!(expected.iter().any(|name| caught.contains(*name)), "{caught:?}");
}
