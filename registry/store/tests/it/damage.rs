//! Security case 45: a state with other bytes than were written is found, set aside and never deleted.

use std::fs;
use std::path::{Path, PathBuf};

use registry_core::view::{Space, View as _};
use registry_store::{Error, Store};

use crate::{append, open, put};

/// A closed store whose values lie in a table and in a blob file.
fn full() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), [1], 10).unwrap();
    for key in 0..200u32 {
        store.commit(&[put(&key.to_be_bytes(), &[7; 300])], &[]).unwrap();
    }
    store.commit(&[put(b"k", b"v")], &[]).unwrap();
    store.defrag();
    dir
}

/// Flips a bit in the middle of every table of the state.
fn flip_tables(dir: &Path) {
    let files = fs::read_dir(dir.join("state-000001")).unwrap().map(|file| file.unwrap().path());
    let tables: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "sst")).collect();
    assert!(!tables.is_empty());
    for table in tables {
        let mut bytes = fs::read(&table).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 1;
        fs::write(&table, bytes).unwrap();
    }
}

fn read_all(store: &Store) -> bool {
    (0..200u32).all(|key| store.view().value(Space::State, &key.to_be_bytes()).is_ok())
}

#[test]
fn a_damaged_state_is_found_set_aside_and_an_empty_one_takes_its_place() {
    let dir = full();
    flip_tables(dir.path());
    let store = open(dir.path());
    assert!(!read_all(&store), "the damage was not met");
    assert!(store.damage().found().is_some_and(|why| why.contains("orruption")));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.damage().found(), None);
    assert_eq!(store.view().value(Space::State, b"k").unwrap(), None, "it begins empty");
    assert_eq!(store.log().last().unwrap().unwrap().0, 1, "the log stays");
    assert!(dir.path().join("set-aside/state-000001.0/CURRENT").exists(), "the old one is kept");
    store.commit(&[put(b"k", b"again")], &[]).unwrap();
    drop(store);
    let value = open(dir.path()).view().value(Space::State, b"k").unwrap();
    assert_eq!(value.unwrap(), b"again", "it is set aside once");
}

#[test]
fn reading_a_damaged_state_without_opening_it_changes_nothing() {
    let dir = full();
    flip_tables(dir.path());
    let store = Store::open_read_only(dir.path(), registry_store::Options::default()).unwrap();
    assert!(!read_all(&store));
    let read = store.view().read_through();
    assert!(matches!(read, Err(Error::Damaged { .. })), "{read:?}");
    drop(store);
    assert!(!dir.path().join("DAMAGED").exists());
}
