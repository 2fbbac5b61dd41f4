//! Security cases 43 and 44: a full disk, a torn write, a flipped bit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use registry_core::view::{Space, View as _, Write};
use registry_store::{Error, Options, Store};

use crate::{append, indices, open, put};

/// Names the child process of `case_43_a_full_disk_poisons_the_log_and_leaves_reads`.
const CHILD_DIR: &str = "REGISTRY_STORE_TEST_DIR";

/// The bound stands in for a full disk: it makes the kernel refuse to let any file grow beyond 256 KiB. It holds for a
/// whole process, hence the child. `trap` turns the signal that comes with it into a plain error.
#[test]
fn case_43_a_full_disk_poisons_the_log_and_leaves_reads() {
    let dir = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$0\" --exact faults::child --ignored"])
        .arg(this)
        .env(CHILD_DIR, dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    // The disk has room again: the member restarts with every acknowledged entry and takes writes.
    let acknowledged: u64 =
        fs::read_to_string(dir.path().join("acknowledged")).unwrap().parse().unwrap();
    assert!(acknowledged > 0, "nothing was written before the disk was full");
    let store = open(dir.path());
    let last = indices(store.log()).last().copied().unwrap();
    assert!(last >= acknowledged, "entry {acknowledged} was acknowledged, the log ends at {last}");
    append(store.log(), [last + 1], 10_000).unwrap();
}

#[test]
#[ignore = "runs inside case_43_a_full_disk_poisons_the_log_and_leaves_reads"]
fn child() {
    let dir = PathBuf::from(std::env::var_os(CHILD_DIR).expect("the parent test sets it"));
    let store = open(&dir);
    store.commit(&[put(b"k", b"v")], &[]).unwrap();
    let failed =
        (1..1_000).find_map(|index| append(store.log(), [index], 10_000).err().map(|e| (index, e)));
    let (index, error) = failed.expect("the bound of 256 KiB is reached");
    assert!(matches!(error, Error::Poisoned(_)), "{error}");
    fs::write(dir.join("acknowledged"), (index - 1).to_string()).unwrap();
    assert!(matches!(append(store.log(), [index], 1), Err(Error::Poisoned(_))));
    let saved = store.log().save(b"k", b"v", Box::new(|_| {}));
    assert!(matches!(saved, Err(Error::Poisoned(_))));
    assert!(store.log().poisoned().is_some());
    assert_eq!(indices(store.log()).first(), Some(&1));
    assert_eq!(store.view().value(Space::State, b"k").unwrap().unwrap(), b"v");
}

#[test]
fn case_44_a_torn_tail_is_cut_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(store.log(), 1..=5, 100).unwrap();
    append(store.log(), [6], 100).unwrap();
    drop(store);
    let log = write_ahead_log(dir.path());
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 3).unwrap();
    let store = open(dir.path());
    assert_eq!(indices(store.log()), [1, 2, 3, 4, 5]);
    append(store.log(), [6], 100).unwrap();
}

#[test]
fn case_44_a_flipped_bit_amid_the_log_is_refused_and_not_cut() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (1..=50).for_each(|index| append(store.log(), [index], 1_000).unwrap());
    drop(store);
    let log = write_ahead_log(dir.path());
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let refused = Store::open(dir.path(), 1, Options::default()).unwrap_err();
    assert!(matches!(refused, Error::Open { .. }), "{refused}");
    assert_eq!(fs::read(&log).unwrap().len(), bytes.len(), "the evidence stays");
}

/// A process that dies has not closed its store, which would write out what is in memory.
#[test]
fn case_44_after_a_process_died_the_state_is_one_that_there_was() {
    let dir = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let died = Command::new(this)
        .args(["--exact", "faults::dies", "--ignored"])
        .env(CHILD_DIR, dir.path())
        .output()
        .unwrap();
    assert!(!died.status.success(), "it was to die");
    let store = open(dir.path());
    let view = store.view();
    let at = view.meta(b"at").unwrap().expect("a memory table was full before");
    let at = u64::from_be_bytes(at.try_into().unwrap());
    assert!((SYNCED..LAST).contains(&at), "{at}: more than was synced, and not all");
    for index in 1..=LAST {
        for space in [Space::State, Space::Bodies, Space::Changes] {
            let there = view.value(space, &index.to_be_bytes()).unwrap().is_some();
            assert_eq!(there, index <= at, "{index} in {space:?}, and the state is at {at}");
        }
    }
}

/// The last write of a process that dies, and the last that it made durable by itself.
const LAST: u64 = 2_000;
const SYNCED: u64 = 100;

#[test]
#[ignore = "runs inside case_44_after_a_process_died_the_state_is_one_that_there_was"]
fn dies() {
    let dir = PathBuf::from(std::env::var_os(CHILD_DIR).expect("the parent test sets it"));
    // Small, so that some of it is written out before the end.
    let options = Options { state_buffer_bytes: 256 << 10, ..Options::default() };
    let store = Store::open(&dir, 1, options).unwrap();
    for index in 1..=LAST {
        let key = index.to_be_bytes();
        let put = |space, bytes| Write::Put { space, key: key.to_vec(), value: vec![7; bytes] };
        let writes = [put(Space::State, 10), put(Space::Bodies, 900), put(Space::Changes, 100)];
        store.commit(&writes, &[(b"at", &key)]).unwrap();
        if index == SYNCED {
            store.sync_state().unwrap();
        }
    }
    std::process::abort();
}

fn write_ahead_log(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("log")).unwrap().map(|file| file.unwrap().path());
    let mut logs: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "log")).collect();
    logs.sort_by_key(|file| fs::metadata(file).unwrap().len());
    logs.pop().unwrap()
}
