//! Copies of a running cluster: whole, checked, and a cluster again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use proto_types::Digest;
use registry_core::{epoch, query};
use registry_raft::offline::{Fault, Intake, restore, verify};
use registry_raft::{Clock, Registry};

use crate::cluster::{Cluster, gateway, has, until_has, until_status};

async fn copy(from: &Registry, to: &Path) {
    let mut intake = Intake::begin(to).unwrap();
    let mut pieces = Box::pin(from.backup().await.unwrap());
    while let Some(piece) = pieces.next().await {
        intake.write(&piece).unwrap();
    }
    intake.finish().unwrap();
}

/// A cluster with a few entries of every kind that a copy must keep.
async fn busy(members: u64) -> (Cluster, Vec<Digest>) {
    let cluster = Cluster::start(members).await;
    let mut digests = Vec::new();
    for each in 0..20u8 {
        digests.push(cluster.put(&vec![each; 2_000]).await);
    }
    let now = Clock::system().now();
    cluster.leader().await.propose(gateway("one", now)).await.unwrap();
    (cluster, digests)
}

fn snapshots(cluster: &Cluster, id: u64) -> usize {
    std::fs::read_dir(cluster.config(id).dir.join("snapshots")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_sound_and_becomes_a_cluster_that_the_old_one_cannot_reach() {
    let (old, digests) = busy(3).await;
    let file = old.dir.path().join("copy");
    let leader = old.leader().await;
    copy(leader, &file).await;
    assert_eq!(snapshots(&old, leader.id()), 0, "what the copy was read from is gone");
    let report = verify(&file).unwrap();
    assert!(report.is_sound() && report.seen["bodies"] == 20, "{report:?}");

    let mut new = Cluster::empty();
    let (address, listener) = new.place(9).await;
    let members = BTreeMap::from([(9, address.clone())]);
    let made = restore(&file, &new.config(9).dir, &members, None).unwrap();
    assert_eq!((made.epoch, made.revision), (1, epoch::first_revision(1)));
    assert!(verify(&new.config(9).dir).unwrap().is_sound());
    let again = restore(&file, &new.config(9).dir, &members, None).unwrap_err();
    assert!(matches!(again, Fault::NotEmpty(_)), "{again}");
    new.run(9, listener).await;
    let later = new.put(b"in the new cluster").await;
    for digest in digests.iter().chain([&later]) {
        assert!(has(new.registry(9), digest), "{digest}");
    }
    assert_eq!(query::cluster_epoch(&new.registry(9).view().0).unwrap(), 1);
    // The old cluster takes the new member for one of its own, and is not heard.
    leader.add_learner(9, &address).await.unwrap();
    let stranger = old.put(b"in the old cluster").await;
    until_has(leader, &stranger).await;
    let (view, _) = new.registry(9).strong().await.unwrap();
    assert!(query::body(&view, &stranger).unwrap().is_none());
    assert_eq!(new.registry(9).status().leader, Some(9));
    assert_eq!(leader.status().peers[&9].matched, None);
    // Empty members get what the restored one has, and with it its epoch.
    let second = new.newcomer(10).await;
    new.registry(9).add_learner(10, &second).await.unwrap();
    until_has(new.registry(10), &later).await;
    until_status(new.registry(10), "the epoch", |status| status.epoch == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_restore_has_revisions_of_its_own_and_forgets_the_changes_before() {
    let (old, _) = busy(1).await;
    let file = old.dir.path().join("copy");
    copy(old.leader().await, &file).await;
    let members = BTreeMap::from([(1, "http://127.0.0.1:1".to_owned())]);
    let dir = |name: &str| old.dir.path().join(name);
    let first = restore(&file, &dir("first"), &members, None).unwrap();
    // The same copy again, since the first attempt went wrong.
    let second = restore(&file, &dir("second"), &members, Some(2)).unwrap();
    assert_eq!((first.epoch, second.epoch), (1, 2));
    assert!(old.leader().await.applied() < first.revision && first.revision < second.revision);
    assert!(verify(&dir("second")).unwrap().is_sound());
    for epoch in [0, epoch::EPOCH_MAX + 1] {
        let refused = restore(&file, &dir("third"), &members, Some(epoch)).unwrap_err();
        assert!(matches!(refused, Fault::Epoch { kept: 0, .. }), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_restored_from_one_copy_make_the_new_cluster() {
    let (old, digests) = busy(1).await;
    let file = old.dir.path().join("copy");
    copy(old.leader().await, &file).await;
    let mut new = Cluster::empty();
    let mut listeners = Vec::new();
    for id in 1..=3 {
        listeners.push((id, new.place(id).await.1));
    }
    for (id, listener) in listeners {
        restore(&file, &new.config(id).dir, &new.addresses.clone(), None).unwrap();
        new.run(id, listener).await;
    }
    let later = new.put(b"in the new cluster").await;
    for id in 1..=3 {
        for digest in digests.iter().chain([&later]) {
            until_has(new.registry(id), digest).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_damage_to_a_copy_is_named_and_nothing_is_made_of_it() {
    let (old, _) = busy(1).await;
    let file = old.dir.path().join("copy");
    copy(old.leader().await, &file).await;
    let good = std::fs::read(&file).unwrap();
    let members = BTreeMap::from([(1, "http://127.0.0.1:1".to_owned())]);
    let broken = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = old.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for at in [3, 25, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let path = broken(&format!("flipped-{at}"), &bad);
        assert!(!verify(&path).unwrap().is_sound(), "byte {at}");
        let dir = old.dir.path().join(format!("from-{at}"));
        assert!(restore(&path, &dir, &members, None).is_err(), "byte {at}");
    }
    for (name, bytes) in [("short", &good[..good.len() - 1]), ("long", &[&good[..], b"x"].concat())]
    {
        assert!(!verify(&broken(name, bytes)).unwrap().is_sound(), "{name}");
    }
    for wrong in [BTreeMap::new(), BTreeMap::from([(1, "ftp://x".to_owned())])] {
        let made = restore(&file, &old.dir.path().join("wrong"), &wrong, None);
        assert!(matches!(made, Err(Fault::Members(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_members_directory_is_checked_and_damage_is_named() {
    let (mut cluster, _) = busy(1).await;
    cluster.registry(1).snapshot().await.unwrap();
    cluster.registry(1).defrag().await.unwrap();
    cluster.put(b"after the snapshot").await;
    cluster.stop(1).await;
    let dir = cluster.config(1).dir;
    let report = verify(&dir).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert!(report.seen["log entries"] > 20 && report.seen["snapshots"] == 1, "{report:?}");
    let snapshot =
        std::fs::read_dir(dir.join("snapshots")).unwrap().next().unwrap().unwrap().path();
    let table = std::fs::read_dir(snapshot.join("db")).unwrap().map(|file| file.unwrap().path());
    let table = table.into_iter().find(|file| file.extension().is_some_and(|end| end == "blob"));
    // The state shares the file: both are damaged.
    let table = table.expect("bodies lie in blob files");
    let mut bytes = std::fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&table, bytes).unwrap();
    let faults = verify(&dir).unwrap().faults;
    for named in ["bodies: ", "snapshot: "] {
        assert!(faults.iter().any(|fault| fault.starts_with(named)), "{named}: {faults:?}");
    }
}
