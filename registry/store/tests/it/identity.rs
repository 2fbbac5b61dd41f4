//! A directory says whose it is: whoever is not meant is refused, and nothing is touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proto_types::Digest;
use registry_store::{Error, Options, Store};

use crate::{append, open, put};

/// Every file under a directory with its bytes.
fn content(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(dir).unwrap().display().to_string(), bytes);
            }
        }
    }
    found
}

/// A store with an entry and a value, closed.
fn used() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), [1], 10).unwrap();
    store.commit(&[put(b"k", b"v")], &[]).unwrap();
    dir
}

fn refused(dir: &Path, member: u64) -> Error {
    let before = content(dir);
    let error = Store::open(dir, member, Options::default()).unwrap_err();
    assert_eq!(content(dir), before, "nothing is touched");
    error
}

#[test]
fn another_members_directory_is_refused_with_both_numbers() {
    let dir = used();
    let error = refused(dir.path(), 2);
    assert!(matches!(error, Error::OtherMember { found: 1, expected: 2, .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("member 1") && said.contains("member 2"), "{said}");
    drop(open(dir.path()));
}

#[test]
fn the_directory_of_a_member_that_was_removed_is_refused_with_the_runbook() {
    let dir = used();
    let store = open(dir.path());
    store.retire().unwrap();
    assert!(store.identity().removed);
    drop(store);
    let error = refused(dir.path(), 1);
    assert!(matches!(error, Error::Removed { member: 1, .. }), "{error}");
    assert!(error.to_string().contains("docs/runbooks/replace-a-member.md"), "{error}");
    assert!(matches!(refused(dir.path(), 2), Error::OtherMember { .. }));
    // What it holds can still be looked at.
    let kept = Store::open_read_only(dir.path(), Options::default()).unwrap();
    assert_eq!(kept.log().last().unwrap().unwrap().0, 1);
}

#[test]
fn another_format_or_a_newer_version_is_refused_with_the_version_that_opens_it() {
    let dir = used();
    let file = dir.path().join("IDENTITY");
    let own = fs::read_to_string(&file).unwrap();
    let write = |line: &str, other: &str| fs::write(&file, own.replacen(line, other, 1)).unwrap();
    write("format 1", "format 2");
    let error = refused(dir.path(), 1);
    assert!(matches!(error, Error::OtherFormat { found: 2, .. }), "{error}");
    assert!(error.to_string().contains(&format!("start version {}", env!("CARGO_PKG_VERSION"))));
    write(concat!("version ", env!("CARGO_PKG_VERSION")), "version 99.1.2");
    let error = refused(dir.path(), 1);
    assert!(matches!(error, Error::NewerVersion { .. }), "{error}");
    assert!(error.to_string().contains("start version 99.1.2 or newer"), "{error}");
    write(&own, "no identity at all");
    assert!(matches!(refused(dir.path(), 1), Error::File { .. }));
    // An older version's directory is taken over, and says so.
    write(concat!("version ", env!("CARGO_PKG_VERSION")), "version 0.0.1");
    drop(open(dir.path()));
    assert_eq!(fs::read_to_string(&file).unwrap(), own);
}

#[test]
fn a_directory_whose_log_is_missing_is_refused_and_nothing_is_touched() {
    for identified in [true, false] {
        let dir = used();
        if !identified {
            // As a version without the file has left it.
            fs::remove_file(dir.path().join("IDENTITY")).unwrap();
        }
        fs::remove_dir_all(dir.path().join("log")).unwrap();
        fs::create_dir(dir.path().join("state-000009")).unwrap();
        let error = refused(dir.path(), 1);
        assert!(matches!(error, Error::LogMissing { .. }), "{error}");
        assert!(error.to_string().contains("log is missing"), "{error}");
        assert!(dir.path().join("state-000009").exists(), "no state is swept");
    }
}

#[test]
fn a_directory_of_a_version_without_the_file_is_taken_over() {
    let dir = used();
    fs::remove_file(dir.path().join("IDENTITY")).unwrap();
    let store = open(dir.path());
    assert_eq!(store.log().last().unwrap().unwrap().0, 1);
    assert_eq!(store.identity().member, Some(1));
    drop(store);
    assert!(matches!(refused(dir.path(), 2), Error::OtherMember { .. }));
}

#[test]
fn a_store_that_was_being_made_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    fs::rename(dir.path().join("IDENTITY"), dir.path().join("IDENTITY.making")).unwrap();
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    let store = open(dir.path());
    append(store.log(), [1], 10).unwrap();
    drop(store);
    assert_eq!(open(dir.path()).log().last().unwrap().unwrap().0, 1);
}

#[test]
fn a_directory_that_is_open_already_is_in_use_and_not_damaged() {
    let dir = used();
    let store = open(dir.path());
    let error = Store::open(dir.path(), 1, Options::default()).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(error.to_string().contains("current process"), "{error}");
    drop(store);
    assert_eq!(open(dir.path()).identity().member, Some(1));
}

/// Caught: it was told as in use, as was one whose files are another user's, or on a disk that is read-only.
#[test]
fn a_directory_whose_lock_cannot_be_opened_is_not_in_use_and_says_why() {
    let dir = used();
    let lock = dir.path().join("log").join("LOCK");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let error = Store::open(dir.path(), 1, Options::default()).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error}");
    assert!(error.to_string().contains("Is a directory"), "{error}");
    fs::remove_dir(&lock).unwrap();
    assert_eq!(open(dir.path()).identity().member, Some(1));
}

#[test]
fn a_directory_belongs_to_one_cluster() {
    let dir = used();
    let store = open(dir.path());
    store.belong(Digest::of(b"ours"), 2).unwrap();
    store.belong(Digest::of(b"ours"), 3).unwrap();
    let error = store.belong(Digest::of(b"theirs"), 3).unwrap_err();
    assert!(matches!(error, Error::OtherCluster { .. }), "{error}");
    drop(store);
    let identity = open(dir.path()).identity();
    assert_eq!((identity.cluster, identity.epoch), (Some(Digest::of(b"ours")), 3));
}
