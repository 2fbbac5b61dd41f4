//! Histories that are right, and wrong ones of each kind that a split brain would bring about.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::Action::{Read, Refused, Swap, Write};
use super::*;

fn done(begun: u64, ended: u64, action: Action) -> Operation {
    Operation { begun, ended: Some(ended), action }
}

fn lost(begun: u64, action: Action) -> Operation {
    Operation { begun, ended: None, action }
}

#[test]
fn answers_of_one_register_are_explained() {
    for history in [
        vec![],
        vec![done(0, 1, Read(0)), done(2, 3, Write(1)), done(4, 5, Read(1))],
        // While a write is under way either value is right, and concurrent readers may differ.
        vec![done(0, 9, Write(1)), done(1, 8, Read(0)), done(2, 7, Read(1))],
        vec![done(0, 9, Write(1)), done(0, 9, Write(2)), done(10, 11, Read(1))],
        vec![done(0, 1, Write(1)), done(2, 3, Swap { from: 1, to: 2 }), done(4, 5, Read(2))],
        vec![done(0, 1, Write(1)), done(2, 3, Refused { from: 7 }), done(4, 5, Read(1))],
    ] {
        assert_eq!(check(&history), Ok(()), "{history:?}");
    }
}

#[test]
fn a_lost_answer_may_mean_that_it_happened_at_once_late_or_never() {
    let (first, write) = (done(0, 1, Write(1)), lost(2, Write(2)));
    for history in [
        vec![first, write, done(3, 4, Read(1)), done(5, 6, Read(1))],
        vec![first, write, done(3, 4, Read(2)), done(5, 6, Read(2))],
        vec![first, write, done(3, 4, Read(1)), done(500, 501, Read(2))],
        // Nobody saw it, but it explains why the swap was refused.
        vec![first, write, done(3, 4, Refused { from: 1 }), done(5, 6, Write(3))],
        vec![first, lost(2, Swap { from: 1, to: 2 }), done(5, 6, Swap { from: 2, to: 3 })],
        vec![first, write, lost(2, Swap { from: 2, to: 3 }), done(5, 6, Read(3))],
    ] {
        assert_eq!(check(&history), Ok(()), "{history:?}");
    }
}

#[test]
fn what_a_split_brain_would_show_is_caught() {
    let first = done(0, 1, Write(1));
    for (wrong, history) in [
        ("an old value", vec![first, done(2, 3, Write(2)), done(4, 5, Read(1))]),
        ("a lost write", vec![first, done(2, 3, Read(0))]),
        (
            "forth and back",
            vec![first, done(2, 9, Write(2)), done(3, 4, Read(2)), done(5, 6, Read(1))],
        ),
        (
            "back again after a lost answer",
            vec![first, lost(2, Write(2)), done(3, 4, Read(2)), done(5, 6, Read(1))],
        ),
        (
            "two sides",
            vec![
                done(0, 9, Write(1)),
                done(0, 9, Write(2)),
                done(10, 11, Read(1)),
                done(10, 11, Read(2)),
            ],
        ),
        (
            "two winners",
            vec![first, done(2, 9, Swap { from: 1, to: 2 }), done(2, 9, Swap { from: 1, to: 3 })],
        ),
        (
            "refused for no reason",
            vec![first, done(2, 3, Refused { from: 1 }), done(4, 5, Read(1))],
        ),
        (
            "refused before the only reason",
            vec![first, done(2, 3, Refused { from: 1 }), lost(4, Write(2))],
        ),
        ("seen before it was asked for", vec![first, done(2, 3, Read(2)), lost(4, Write(2))]),
        ("from nowhere", vec![first, done(2, 3, Read(7))]),
        ("one value twice", vec![first, done(2, 3, Write(1))]),
    ] {
        assert!(check(&history).is_err(), "{wrong}: {history:?}");
    }
}

/// What clients see of a real register: each operation takes effect at one moment between its ends.
fn recorded(seed: u64, length: u64) -> Vec<Operation> {
    let mut chance = StdRng::seed_from_u64(seed);
    let (mut value, mut history) = (0, Vec::new());
    for moment in 1..=length {
        let at = 10 * moment;
        let (begun, ended) =
            (at.saturating_sub(chance.random_range(0..50)), at + chance.random_range(0..50));
        let action = match chance.random_range(0..4) {
            0 => Write(moment),
            1 => Swap { from: value, to: moment },
            2 => Refused { from: value + 1 },
            _ => Read(value),
        };
        let is_lost = written(action).is_some() && chance.random_range(0..8) == 0;
        // Half of what is lost does take effect.
        if !is_lost || chance.random() {
            value = after(action, value).unwrap();
        }
        history.push(Operation { begun, ended: (!is_lost).then_some(ended), action });
    }
    history
}

#[test]
fn long_histories_of_a_real_register_are_explained() {
    for seed in 0..20 {
        assert_eq!(check(&recorded(seed, 2_000)), Ok(()), "seed {seed}");
    }
}

#[test]
fn one_old_answer_among_thousands_is_caught() {
    for seed in 0..20 {
        let mut history = recorded(seed, 2_000);
        let mut reads = history.iter().enumerate().filter(|(_, one)| matches!(one.action, Read(_)));
        let (place, _) = reads.nth(300).unwrap();
        // Of a value that was there at the beginning, a thousand operations earlier.
        let old = history.iter().find_map(|one| match (one.ended, one.action) {
            (Some(_), Write(value)) => Some(value),
            _ => None,
        });
        history[place].action = Read(old.unwrap());
        assert!(check(&history).is_err(), "seed {seed}");
    }
}
