//! What is wrong with a state is named.

use registry_core::change::Write;
use registry_core::verify::check;
use registry_core::view::{Memory, Space};

use crate::world::*;

fn broken(break_it: impl FnOnce(&Memory) -> Write) -> Vec<String> {
    let mut world = World::populated();
    world.done(&put_record(1, 1, START.minus_ms(1), None));
    world.done(&enqueue(1, "target", START.plus_ms(DAY)));
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
    let write = break_it(&world.memory);
    world.memory.commit(&[write]);
    check(&world.memory).faults
}

/// The first pair of a space that `wanted` accepts.
fn pick(memory: &Memory, space: Space, wanted: impl Fn(&[u8]) -> bool) -> (Vec<u8>, Vec<u8>) {
    let mut pairs = memory.pairs().filter(|((at, key), _)| *at == space && wanted(key));
    let ((_, key), value) = pairs.next().unwrap();
    (key.clone(), value.clone())
}

/// How many agents the default namespace keeps.
fn agents_of_default(key: &[u8]) -> bool {
    key[2] == 0 && key.ends_with(b"namespace/default/agents")
}

/// How many bytes the source of the envelope keeps.
fn kept_bytes(key: &[u8]) -> bool {
    key[2] == 0 && key.ends_with(b"kept-bytes/https://peer0.example")
}

#[test]
fn each_kind_of_damage_is_found_by_its_check() {
    let delete = |space, (key, _): (Vec<u8>, Vec<u8>)| Write::Delete { space, key };
    let set = |space, (key, _): (Vec<u8>, Vec<u8>), value: &[u8]| Write::Put {
        space,
        key,
        value: value.to_vec(),
    };
    let of = |tag: u8| move |key: &[u8]| key[2] == tag;
    let any = |_: &[u8]| true;
    type Case = (&'static str, Box<dyn FnOnce(&Memory) -> Write>);
    let cases: Vec<Case> = vec![
        ("state", Box::new(move |m| set(Space::State, pick(m, Space::State, of(2)), b"\xc1"))),
        (
            "state",
            Box::new(move |m| {
                let (_, value) = pick(m, Space::State, of(2));
                Write::Put { space: Space::State, key: vec![0, 0, 2, 9], value }
            }),
        ),
        (
            "state",
            Box::new(move |_| Write::Put {
                space: Space::State,
                key: vec![0, 0, 99],
                value: vec![],
            }),
        ),
        (
            "state",
            Box::new(move |m| {
                let named = digest(1);
                delete(Space::Bodies, pick(m, Space::Bodies, |key| key == named.as_bytes()))
            }),
        ),
        ("index", Box::new(move |m| delete(Space::Index, pick(m, Space::Index, of(2))))),
        ("index", Box::new(move |m| set(Space::Index, pick(m, Space::Index, of(2)), b"x"))),
        (
            "index",
            Box::new(move |_| Write::Put {
                space: Space::Index,
                key: vec![0, 0, 5, 1],
                value: vec![],
            }),
        ),
        ("bodies", Box::new(move |m| set(Space::Bodies, pick(m, Space::Bodies, any), b"other"))),
        ("changes", Box::new(move |m| delete(Space::Changes, pick(m, Space::Changes, any)))),
        ("changes", Box::new(move |m| set(Space::Changes, pick(m, Space::Changes, any), b"\xc1"))),
        (
            "counters",
            Box::new(move |m| set(Space::State, pick(m, Space::State, agents_of_default), &[9; 8])),
        ),
        (
            "counters",
            Box::new(move |m| delete(Space::State, pick(m, Space::State, agents_of_default))),
        ),
        (
            "counters",
            Box::new(move |m| set(Space::State, pick(m, Space::State, agents_of_default), b"9")),
        ),
        (
            "counters",
            Box::new(move |m| set(Space::State, pick(m, Space::State, kept_bytes), &[9; 8])),
        ),
        ("counters", Box::new(move |m| delete(Space::State, pick(m, Space::State, kept_bytes)))),
        (
            "counters",
            Box::new(move |_| Write::Put {
                space: Space::State,
                key: [&[0, 0, 0], b"node-tasks/nobody".as_slice()].concat(),
                value: vec![0, 0, 0, 0, 0, 0, 0, 9],
            }),
        ),
    ];
    for (at, (name, case)) in cases.into_iter().enumerate() {
        let faults = broken(case);
        let named = faults.iter().any(|fault| fault.starts_with(&format!("{name}: ")));
        assert!(named, "case {at} ({name}): {faults:?}");
    }
}
