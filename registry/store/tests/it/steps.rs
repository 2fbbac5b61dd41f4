//! Security cases 43 and 44, step by step: a member's whole incarnation, all of its writes, is run in a child process
//! again and again, and its disk fails at the first write, at the second, and so on to the last (at
//! each seventh in a short run). After each incarnation the directory must open without help and hold
//! everything that was acknowledged.
//!
//! What they guard: a log that acknowledges anything after a failure, a start that stumbles over what
//! was half written. What a sync is worth is not seen here: the kernel outlives the child.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc;

use registry_core::view::{Space, View as _};
use registry_store::{Error, Log, Options, Store};

use crate::{append, indices, put};

/// The folder of the child's incarnation; the rest of its environment is the shim's.
const INCARNATION: &str = "REGISTRY_STORE_INCARNATION";

/// Entries of one incarnation.
const ENTRIES: u64 = 12;

/// A state sync comes after this entry, and then the log is purged up to `PURGED`.
const SYNCED: u64 = 6;
const PURGED: u64 = 4;

/// Set for a long run, in which no step is left out.
const EVERY: &str = "ECUMENE_EVERY_STEP";

/// Steps from one incarnation to the next otherwise.
const STRIDE: usize = 7;

/// More steps than an incarnation has; the loop ends by itself before.
const STEPS_MAX: u32 = 2_000;

/// What an incarnation noted as acknowledged, outside the disk that fails.
struct Notes(File);

impl Notes {
    fn ack(&mut self, what: &str) {
        writeln!(self.0, "{what}").unwrap();
    }
}

/// RocksDB sets space aside in proportion to these, and an incarnation is short.
fn small() -> Options {
    Options { state_buffer_bytes: 1 << 20, log_buffer_bytes: 1 << 20, ..Options::default() }
}

fn live(dir: &Path, notes: &mut Notes) -> Result<(), Error> {
    let store = Store::open(&dir.join("disk"), 1, small())?;
    let (done, saved) = mpsc::channel();
    store.log().save(b"vote", b"mine", Box::new(move |result| done.send(result).unwrap()))?;
    saved.recv().unwrap()?;
    notes.ack("vote");
    for index in 1..=ENTRIES {
        if let Err(error) = append(store.log(), [index], 3_000) {
            stays_poisoned(store.log(), index);
            return Err(error);
        }
        notes.ack(&format!("log {index}"));
        store.commit(&[put(&index.to_be_bytes(), b"v")], &[(b"at", &index.to_be_bytes())])?;
        if index == SYNCED {
            store.sync_state()?;
            notes.ack("state");
            store.log().purge_to(PURGED, b"purged", b"4")?;
        }
    }
    store.defrag();
    Ok(())
}

/// Nothing is acknowledged after a failure, even where the disk would take it again.
fn stays_poisoned(log: &Log, index: u64) {
    for _ in 0..3 {
        assert!(matches!(append(log, [index], 1), Err(Error::Poisoned(_))));
    }
}

#[test]
#[ignore = "the child of the tests below"]
fn incarnation() {
    let dir = PathBuf::from(std::env::var_os(INCARNATION).expect("the parent test sets it"));
    let notes = OpenOptions::new().create(true).append(true).open(dir.join("notes")).unwrap();
    // An error is an honest end; a panic is none.
    if let Err(error) = live(&dir, &mut Notes(notes)) {
        assert!(dir.join("struck").exists(), "refused without cause: {error}");
    }
}

/// The shim that stands before libc: see its own file.
fn shim(dir: &Path) -> PathBuf {
    let library = dir.join("disk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/disk.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success(), "the shim does not compile");
    library
}

fn run(incarnation: &Path, shim: &Path, how: &str, at: u32) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "steps::incarnation", "--ignored", "--quiet"])
        .env(INCARNATION, incarnation)
        .env("LD_PRELOAD", shim)
        .env("DISK_DIR", incarnation.join("disk"))
        .env("DISK_MARK", incarnation.join("struck"))
        .env("DISK_HOW", how)
        .env("DISK_AT", at.to_string())
        .output()
        .unwrap()
        .status
}

/// The directory opens, and everything that was noted is there.
fn check(incarnation: &Path, what: &str) {
    let notes = fs::read_to_string(incarnation.join("notes")).unwrap_or_default();
    let store = Store::open(&incarnation.join("disk"), 1, small()).unwrap();
    let kept = indices(store.log());
    let acked = notes.lines().filter_map(|line| line.strip_prefix("log "));
    for index in acked.map(|index| index.parse::<u64>().unwrap()) {
        let purged = index <= PURGED && notes.contains("state");
        assert!(purged || kept.contains(&index), "{what}: entry {index} is gone of {kept:?}");
    }
    if notes.contains("vote") {
        assert_eq!(store.log().saved(b"vote").unwrap().unwrap(), b"mine", "{what}: the vote");
    }
    for index in (1..=SYNCED).filter(|_| notes.contains("state")) {
        let value = store.view().value(Space::State, &index.to_be_bytes()).unwrap();
        assert_eq!(value.unwrap(), b"v", "{what}: the state of entry {index}");
    }
    let next = kept.last().map_or(1, |last| last + 1);
    append(store.log(), [next], 100).unwrap();
}

/// In memory where it can be: what a sync is worth, the shim decides, and an incarnation has many.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// One incarnation for each step, or for each `STRIDE`th from the first on, until one ends without having been struck.
fn at_every_step(how: &str, first: u32) {
    let folder = folder();
    let shim = shim(folder.path());
    let stride = if std::env::var_os(EVERY).is_some() { 1 } else { STRIDE };
    let struck = (first..STEPS_MAX).step_by(stride).find_map(|at| {
        let what = format!("{how} at step {at}");
        let incarnation = folder.path().join(&what);
        fs::create_dir(&incarnation).unwrap();
        let ended = run(&incarnation, &shim, how, at);
        let struck = incarnation.join("struck").exists();
        assert!(ended.success() || (how == "torn" && struck), "{what}: {ended}");
        check(&incarnation, &what);
        fs::remove_dir_all(&incarnation).unwrap();
        (!struck).then_some(at - 1)
    });
    let struck = struck.expect("an incarnation ends");
    assert!(struck > 20, "the disk was struck {struck} times only");
}

#[test]
fn case_43_a_disk_without_room_at_any_step_loses_nothing_acknowledged() {
    at_every_step("full", 1);
}

#[test]
fn case_44_a_sync_that_fails_at_any_step_is_never_asked_again() {
    at_every_step("unsynced", 2);
}

#[test]
fn case_44_a_write_torn_at_any_step_loses_nothing_acknowledged() {
    at_every_step("torn", 3);
}
