//! The log: order, cuts, and what a reopened log holds.

use std::sync::mpsc;

use registry_store::Error;

use crate::{append, entry, indices, open};

#[test]
fn entries_come_back_in_order_after_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), 1..=300, 40).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(indices(store.log()), (1..=300).collect::<Vec<_>>());
    assert_eq!(store.log().last().unwrap().unwrap(), (300, entry(300, 40)));
}

#[test]
fn entries_can_be_read_before_they_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (done, outcome) = mpsc::channel();
    let entries = [(1, b"one".to_vec())];
    store.log().append(&entries, None, Box::new(move |result| done.send(result).unwrap())).unwrap();
    assert_eq!(store.log().entries(1, 2, usize::MAX).unwrap(), entries);
    outcome.recv().unwrap().unwrap();
}

#[test]
fn a_bounded_read_gives_at_least_one_entry_and_stops_at_its_bound() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), 1..=10, 100).unwrap();
    let count = |bytes| store.log().entries(1, 11, bytes).unwrap().len();
    assert_eq!([count(1), count(100), count(250), count(5_000)], [1, 1, 2, 10]);
    assert!(store.log().entries(5, 5, 1_000).unwrap().is_empty());
}

#[test]
fn cuts_at_both_ends_survive_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), 1..=20, 10).unwrap();
    store.log().purge_to(5, b"purged", b"five").unwrap();
    store.log().truncate_from(15).unwrap();
    append(store.log(), 15..=16, 12).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(indices(store.log()), (6..=16).collect::<Vec<_>>());
    assert_eq!(store.log().saved(b"purged").unwrap().unwrap(), b"five");
    assert_eq!(store.log().last().unwrap().unwrap(), (16, entry(16, 12)));
}

#[test]
fn a_hole_is_an_error_and_not_a_short_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), [1, 2, 4], 10).unwrap();
    let hole = store.log().entries(1, 9, usize::MAX).unwrap_err();
    assert!(matches!(hole, Error::Hole { expected: 3, found: 4 }), "{hole}");
}
