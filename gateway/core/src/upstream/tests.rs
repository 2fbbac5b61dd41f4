//! Replicas: who is chosen, who is left alone, and that it all ends.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::ejection::{EJECTION_US, FAILURES_MAX};
use super::*;

const START: MonoUs = MonoUs(1_000_000_000);

fn url(name: &str) -> UpstreamUrl {
    UpstreamUrl::parse(&format!("http://{name}.example/a2a")).unwrap()
}

fn urls(names: &[&str]) -> Vec<UpstreamUrl> {
    names.iter().map(|name| url(name)).collect()
}

fn replicas(names: &[&str]) -> Replicas {
    Replicas::new(&urls(names))
}

fn tag(name: &str) -> ReplicaTag {
    ReplicaTag::of(url(name).as_str())
}

fn call(replicas: &mut Replicas, name: &str, now: MonoUs, how: Ended) {
    let choice = replicas.choose(now, 0, Some(tag(name)), None).unwrap();
    assert_eq!(choice.url, url(name));
    replicas.ended(&choice, now, how, 1_000);
}

fn fail(replicas: &mut Replicas, name: &str, now: MonoUs) {
    (0..FAILURES_MAX).for_each(|_| call(replicas, name, now, Ended::Failed));
}

/// Who is chosen by a hundred draws, each of which ends at once.
fn chosen(replicas: &mut Replicas, now: MonoUs) -> Vec<UpstreamUrl> {
    let mut chosen: Vec<UpstreamUrl> = Vec::new();
    for draw in 0..100_u64 {
        let draw = draw.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let choice = replicas.choose(now, draw, None, None).unwrap();
        replicas.ended(&choice, now, Ended::Dropped, 0);
        chosen.push(choice.url);
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

#[test]
fn the_less_loaded_of_two_is_chosen() {
    let mut replicas = replicas(&["a", "b"]);
    let held = replicas.choose(START, 0, Some(tag("a")), None).unwrap();
    assert_eq!(chosen(&mut replicas, START), [url("b")]);
    replicas.ended(&held, START, Ended::Dropped, 0);
    assert_eq!(chosen(&mut replicas, START), [url("a"), url("b")]);
}

#[test]
fn a_failing_replica_is_left_alone_and_comes_back() {
    let mut replicas = replicas(&["a", "b"]);
    fail(&mut replicas, "a", START);
    assert_eq!(chosen(&mut replicas, START), [url("b")]);
    assert_eq!(replicas.to_probe(START), [url("a"), url("b")], "b was never heard of");
    replicas.probed(&url("a"), START, false);
    assert_eq!(chosen(&mut replicas, START), [url("b")]);
    replicas.probed(&url("a"), START, true);
    assert_eq!(chosen(&mut replicas, START), [url("a"), url("b")]);
    fail(&mut replicas, "a", START);
    assert_eq!(chosen(&mut replicas, START), [url("b")]);
    let later = START.plus_us(2 * EJECTION_US);
    assert_eq!(chosen(&mut replicas, later), [url("a"), url("b")]);
}

#[test]
fn at_most_half_of_them_are_left_alone_and_never_the_last() {
    let mut one = replicas(&["a"]);
    fail(&mut one, "a", START);
    assert_eq!(chosen(&mut one, START), [url("a")]);
    let mut three = replicas(&["a", "b", "c"]);
    fail(&mut three, "a", START);
    fail(&mut three, "b", START);
    assert_eq!(chosen(&mut three, START), [url("b"), url("c")]);
    // Those that stay may all be ones that are left alone.
    three.update(&urls(&["a"]));
    assert_eq!(chosen(&mut three, START), [url("a")]);
}

#[test]
fn a_task_is_asked_for_where_it_was_made_and_a_retry_goes_elsewhere() {
    let mut replicas = replicas(&["a", "b"]);
    fail(&mut replicas, "a", START);
    let mut choose = |prefer, not| -> Option<UpstreamUrl> {
        let choice = replicas.choose(START, 7, prefer, not)?;
        replicas.ended(&choice, START, Ended::Dropped, 0);
        Some(choice.url)
    };
    assert_eq!(choose(Some(tag("a")), None), Some(url("a")));
    assert_eq!(choose(Some(tag("a")), Some(tag("a"))), Some(url("b")));
    assert_eq!(choose(Some(tag("gone")), None), Some(url("b")));
    assert_eq!(choose(None, Some(tag("b"))), Some(url("a")), "left alone, but there is no other");
    let mut one = Replicas::new(&urls(&["a"]));
    assert_eq!(one.choose(START, 0, None, Some(tag("a"))), None);
}

#[test]
fn what_is_known_of_those_that_stay_is_kept() {
    let mut replicas = replicas(&["a", "b", "c", "d"]);
    fail(&mut replicas, "a", START);
    replicas.update(&urls(&["a", "b", "e"]));
    assert_eq!(chosen(&mut replicas, START), [url("b"), url("e")]);
}

#[test]
fn who_is_silent_is_probed_now_and_then() {
    let mut replicas = replicas(&["a", "b"]);
    assert_eq!(replicas.to_probe(START).len(), 2);
    let later = START.plus_us(SILENCE_US - 1);
    assert!(replicas.to_probe(later).is_empty());
    call(&mut replicas, "a", later, Ended::Ok);
    assert_eq!(replicas.to_probe(START.plus_us(SILENCE_US)), [url("b")]);
}

proptest! {
    #[test]
    fn whatever_happens_there_is_one_to_call(
        steps in proptest::collection::vec((any::<u64>(), 0_u8..4, 0_u64..20_000_000), 0..200),
    ) {
        let mut replicas = replicas(&["a", "b", "c"]);
        let mut now = START;
        for (draw, how, us) in steps {
            now = now.plus_us(us);
            let choice = replicas.choose(now, draw, None, None).unwrap();
            let how = [Ended::Ok, Ended::Failed, Ended::Failed, Ended::Dropped][usize::from(how)];
            replicas.ended(&choice, now, how, us);
        }
        prop_assert!(replicas.may_eject(now) || replicas.indices(|one| one.health.is_ejected(now)).len() == 1);
    }
}
