//! A snapshot that a receiver refused: it holds up nothing, is examined once, and damage that the state shares is noted.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openraft::storage::RaftStateMachine as _;
use registry_core::change::Write;
use registry_core::view::Space;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::{Machine, Published};
use crate::codec::encode;
use crate::snapshot::{Snapshots, Stored, checkpoint};
use crate::store_handle::{APPLIED, StoreHandle};
use crate::types::LogId;

struct Member {
    dir: tempfile::TempDir,
    handle: Arc<StoreHandle>,
    snapshots: Arc<Snapshots>,
    machine: Machine,
}

impl Member {
    /// With a body in its state, and a snapshot of that.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let handle = StoreHandle::open(dir.path(), 1, registry_store::Options::default()).unwrap();
        let handle = Arc::new(handle);
        let published = Arc::new(Published::new(Arc::clone(&handle)).unwrap());
        let snapshots = Arc::new(Snapshots::open(dir.path()).unwrap());
        let machine = Machine::new(Arc::clone(&handle), published, Arc::clone(&snapshots));
        let write = Write::Put { space: Space::Bodies, key: vec![1], value: vec![7; 9_000] };
        let applied = encode(&LogId::new_term_index(1, 5)).unwrap();
        handle.store.commit(&[write], &[(APPLIED, &applied)]).unwrap();
        snapshots.adopt(checkpoint(&handle, &snapshots).unwrap());
        Self { dir, handle, snapshots, machine }
    }

    fn current(&self) -> Arc<Stored> {
        self.snapshots.current().unwrap()
    }

    /// What consensus is given to send.
    async fn given(&mut self) -> std::io::Result<Arc<Stored>> {
        Ok(self.machine.get_current_snapshot().await?.unwrap().snapshot)
    }

    /// Waits until no snapshot is examined any more.
    async fn examined(&self) {
        let examined = async {
            while self.snapshots.examine().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), examined).await.expect("the examination ends");
    }

    fn set_aside(&self) -> bool {
        self.dir.path().join("set-aside").exists()
    }
}

/// Turns a bit of the first file that a snapshot has of a kind.
fn turn_a_bit(snapshot: &Stored, kind: &str) {
    let is_of_it = |path: &Path| path.file_name().unwrap().to_string_lossy().contains(kind);
    let mut files = fs::read_dir(snapshot.database()).unwrap().map(|file| file.unwrap().path());
    let file = files.find(|path| is_of_it(path)).expect("a file of this kind");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
}

#[test]
fn a_suspect_snapshot_is_examined_and_replaced_beside_consensus_and_once() {
    // One thread for disk work, which is taken.
    let runtime =
        Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut member = Member::new();
        let suspect = member.current();
        suspect.mark_suspect();
        let (free, taken) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || taken.recv());
        for _ in 0..3 {
            let given = timeout(Duration::from_secs(20), member.given()).await;
            let given = given.expect("it waits for no disk").unwrap();
            assert!(Arc::ptr_eq(&given, &suspect));
        }
        drop(free);
        assert!(busy.await.unwrap().is_err(), "it was taken all along");
        member.examined().await;
        let fresh = member.given().await.unwrap();
        assert!(!Arc::ptr_eq(&fresh, &suspect));
        drop(suspect);
        assert_eq!(fs::read_dir(member.dir.path().join("snapshots")).unwrap().count(), 1);
        assert!(!member.set_aside(), "it was sound");

        // The receiver refuses that one too: it is at fault itself.
        fresh.mark_suspect();
        assert!(Arc::ptr_eq(&member.given().await.unwrap(), &fresh));
        member.examined().await;
        assert!(Arc::ptr_eq(&member.given().await.unwrap(), &fresh));
    });
}

/// Caught: it was vouched for until the next one was made, which a quiet cluster never does.
#[tokio::test]
async fn a_snapshot_that_turns_bad_after_it_was_vouched_for_is_examined_an_hour_later() {
    let mut member = Member::new();
    member.current().mark_suspect();
    member.given().await.unwrap();
    member.examined().await;
    let vouched_for = member.given().await.unwrap();
    turn_a_bit(&vouched_for, "MANIFEST");
    vouched_for.mark_suspect();
    member.given().await.unwrap();
    member.examined().await;
    assert!(Arc::ptr_eq(&member.given().await.unwrap(), &vouched_for));
    vouched_for.vouch(Instant::now() - Duration::from_secs(3_600));
    member.given().await.unwrap();
    member.examined().await;
    assert!(!Arc::ptr_eq(&member.given().await.unwrap(), &vouched_for));
    assert!(member.set_aside(), "what is damaged is kept");
}

#[tokio::test]
async fn damage_of_a_snapshot_alone_leaves_the_member_as_it_is() {
    let mut member = Member::new();
    let suspect = member.current();
    // A copy: the state has one of its own.
    turn_a_bit(&suspect, "MANIFEST");
    suspect.mark_suspect();
    member.given().await.unwrap();
    member.examined().await;
    let fresh = member.given().await.unwrap();
    assert!(!Arc::ptr_eq(&fresh, &suspect));
    assert!(fresh.manifest().damaged(&fresh.database()).unwrap().is_empty());
    assert!(member.set_aside(), "what is damaged is kept");
    assert_eq!(member.handle.store.damage().found(), None);
}

#[tokio::test]
async fn damage_that_the_state_shares_is_noted_and_passed_on_to_nobody() {
    let mut member = Member::new();
    let suspect = member.current();
    // The same file by a hard link.
    turn_a_bit(&suspect, ".blob");
    suspect.mark_suspect();
    member.given().await.unwrap();
    member.examined().await;
    assert!(member.set_aside());
    assert!(member.handle.store.damage().found().is_some_and(|why| why.contains(".blob")));
    let fresh = member.current();
    assert!(!Arc::ptr_eq(&fresh, &suspect));
    fresh.mark_suspect();
    assert!(member.given().await.is_err());
}
