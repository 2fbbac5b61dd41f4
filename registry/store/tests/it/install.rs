//! One state takes the place of another: whole, durable, and without disturbing who still reads the old one.

use std::fs;

use registry_core::change::Write;
use registry_core::view::{Space, View as _};
use registry_store::{Error, Options, Store};

use crate::{append, open, put};

fn value(store: &Store) -> Option<Vec<u8>> {
    store.view().value(Space::State, b"k").unwrap()
}

#[test]
fn an_installed_checkpoint_replaces_the_state_and_survives_a_reopen() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = open(source.path());
    from.commit(&[put(b"k", &[7; 5_000])], &[(b"applied", b"9")]).unwrap();
    let copy = target.path().join("incoming");
    from.checkpoint(&copy).unwrap();

    let store = open(target.path());
    store.commit(&[put(b"k", b"old"), put(b"only-old", b"x")], &[]).unwrap();
    append(store.log(), 1..=3, 10).unwrap();
    let before = store.view();
    store.install(&copy).unwrap();

    assert_eq!(value(&store).unwrap(), [7; 5_000]);
    assert_eq!(store.view().meta(b"applied").unwrap().unwrap(), b"9");
    assert_eq!(store.view().value(Space::State, b"only-old").unwrap(), None);
    assert_eq!(before.value(Space::State, b"k").unwrap().unwrap(), b"old");
    let old = target.path().join("state-000001");
    assert!(old.exists(), "a view of the old state still exists");
    drop(before);
    assert!(!old.exists(), "the old state goes with its last view");

    drop(store);
    let store = open(target.path());
    assert_eq!(value(&store).unwrap(), [7; 5_000]);
    assert_eq!(
        store.log().last().unwrap().unwrap().0,
        3,
        "the log is none of a snapshot's business"
    );
}

#[test]
fn the_checkpoint_stays_usable_after_its_installation() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put(b"k", b"first")], &[]).unwrap();
    let copy = dir.path().join("copy");
    store.checkpoint(&copy).unwrap();
    for _ in 0..3 {
        store.install(&copy).unwrap();
        assert_eq!(value(&store).unwrap(), b"first");
        store.commit(&[put(b"k", b"second")], &[]).unwrap();
    }
}

#[test]
fn an_install_that_was_cut_off_leaves_the_old_state_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put(b"k", b"old")], &[]).unwrap();
    drop(store);
    fs::create_dir(dir.path().join("state-000002")).unwrap();
    fs::write(dir.path().join("state-000002/000004.sst"), b"half").unwrap();
    let store = open(dir.path());
    assert_eq!(value(&store).unwrap(), b"old");
    assert!(!dir.path().join("state-000002").exists());
}

#[test]
fn a_broken_checkpoint_is_refused_and_the_old_state_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put(b"k", b"old")], &[]).unwrap();
    let copy = dir.path().join("copy");
    store.checkpoint(&copy).unwrap();
    fs::remove_file(copy.join("CURRENT")).unwrap();
    assert!(store.install(&copy).is_err());
    store.commit(&[put(b"k", b"new")], &[]).unwrap();
    drop(store);
    assert_eq!(value(&open(dir.path())).unwrap(), b"new");
}

#[test]
fn a_log_without_its_state_is_refused_instead_of_starting_empty() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    fs::remove_dir_all(dir.path().join("state-000001")).unwrap();
    let refused = Store::open(dir.path(), 1, Options::default()).unwrap_err();
    assert!(matches!(refused, Error::StateMissing { .. }), "{refused}");
    fs::remove_file(dir.path().join("CURRENT")).unwrap();
    let refused = Store::open(dir.path(), 1, Options::default()).unwrap_err();
    assert!(matches!(refused, Error::StateMissing { .. }), "{refused}");
}

/// A state as a version before the transparency log left it.
fn without_tiles(dir: &std::path::Path) {
    let options = rocksdb::Options::default();
    let families = rocksdb::DB::list_cf(&options, dir).unwrap();
    let mut database = rocksdb::DB::open_cf(&options, dir, families).unwrap();
    database.drop_cf("tiles").unwrap();
}

#[test]
fn a_state_from_before_the_transparency_log_opens_and_is_installed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&[put(b"k", b"kept")], &[(b"applied", b"9")]).unwrap();
    let copy = dir.path().join("copy");
    store.checkpoint(&copy).unwrap();
    drop(store);
    without_tiles(&copy);
    without_tiles(&dir.path().join("state-000001"));

    let tile = Write::Put { space: Space::Tiles, key: b"t".to_vec(), value: b"v".to_vec() };
    let store = open(dir.path());
    store.commit(std::slice::from_ref(&tile), &[]).unwrap();
    assert_eq!(store.view().value(Space::Tiles, b"t").unwrap().unwrap(), b"v");
    assert_eq!(store.checkpoint_meta(&copy, [b"applied"]).unwrap(), [Some(b"9".to_vec())]);
    store.install(&copy).unwrap();
    assert_eq!(value(&store).unwrap(), b"kept");
    assert_eq!(store.view().value(Space::Tiles, b"t").unwrap(), None);
    store.commit(&[tile], &[]).unwrap();
}
