//! Copies of a running cluster: whole, checked, and a cluster again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use proto_types::{Digest, EnvelopeId, Origin, WallMs};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{Command, EnqueueEnvelope, Proposal};
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

/// Whose queue it is.
const TARGET: &str = "target";

/// Envelopes of one proposal; what is taken below is a multiple of it.
const AT_ONCE: usize = 8;

/// How many of these envelopes of a source the target's queue takes, before it refuses them to that source alone.
async fn taken(member: &Registry, source: &str, body: Digest, numbers: Range<usize>) -> usize {
    let source = Origin::parse(source).unwrap();
    let expires_at = WallMs(Clock::system().now().0 + 3_600_000);
    let envelope = |number: &usize| {
        Command::EnqueueEnvelope(EnqueueEnvelope {
            id: EnvelopeId::parse(&format!("envelope-{number}")).unwrap(),
            source: source.clone(),
            target: TARGET.parse().unwrap(),
            correlation: format!("correlation-{number}").parse().unwrap(),
            body,
            traceparent: None,
            expires_at,
            shared: true,
            metered: true,
            token: None,
            keep_undelivered: true,
            ordering_key: None,
            hops: Vec::new(),
        })
    };
    let numbers: Vec<usize> = numbers.collect();
    let proposals = numbers.chunks(AT_ONCE).map(|some| {
        let commands = some.iter().map(envelope).collect();
        member.propose(Proposal { commands })
    });
    let mut taken = 0;
    for replies in join_all(proposals).await {
        match replies.unwrap().last() {
            Some(Reply::Enqueued { duplicate: false, .. }) => taken += AT_ONCE,
            Some(Reply::Refused(Refusal::Full { share: true, .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    taken
}

/// Of the 20,000 places of a queue one source may have half, and the next half of the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_hold_at_once_after_a_restore_and_what_was_taken_after_the_copy_is_free() {
    let (one, other) = ("https://one.example", "https://other.example");
    let old = Cluster::start(1).await;
    let body = old.put(b"an envelope").await;
    let leader = old.leader().await;
    assert_eq!(taken(leader, one, body, 0..10_040).await, 10_000);
    let file = old.dir.path().join("copy");
    copy(leader, &file).await;
    assert_eq!(taken(leader, other, body, 0..800).await, 800);

    let mut new = Cluster::empty();
    let (address, listener) = new.place(9).await;
    let dir = new.config(9).dir;
    restore(&file, &dir, &BTreeMap::from([(9, address)]), None).unwrap();
    let report = verify(&dir).unwrap();
    assert!(report.is_sound(), "what is counted is there: {report:?}");
    new.run(9, listener).await;
    let leader = new.leader().await;
    let waiting = || query::queue_depth(&leader.view().0, TARGET).unwrap();
    assert_eq!(waiting(), 10_000);
    assert_eq!(taken(leader, one, body, 20_000..20_040).await, 0, "it has its share");
    assert_eq!(taken(leader, other, body, 0..5_040).await, 5_000, "none of it is taken");
    assert_eq!(waiting(), 15_000);
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

/// Caught: where nothing of the state was written out, its place in the log was not looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_killed_member_it_is_said_how_much_is_in_the_log_alone() {
    let (cluster, _) = busy(1).await;
    // The folder as it lies on the disk while the member runs is what a killed one leaves.
    let left = cluster.dir.path().join("left");
    copy_folder(&cluster.config(1).dir, &left);
    let report = verify(&left).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let entries = report.seen["log entries"];
    assert!(entries > 20);
    assert_eq!(report.seen["log entries behind the state"], entries, "{report:?}");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let into = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &into),
            false => drop(std::fs::copy(entry.path(), into).unwrap()),
        }
    }
}
