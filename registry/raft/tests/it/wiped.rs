//! A voter that has lost its directory has forgotten whom it voted for and what it acknowledged: it does not count until
//! the others have made it a learner.

use std::collections::BTreeSet;

use proto_types::Digest;
use registry_core::query;
use registry_raft::Status;

use crate::cluster::{Cluster, until, until_has, until_status};

fn voters(status: &Status) -> BTreeSet<u64> {
    status.members.keys().copied().collect()
}

/// Waits until the state knows that these members have taken part.
pub(crate) async fn known(cluster: &Cluster, ids: impl Iterator<Item = u64> + Clone) {
    until("the state knows its voters", || async {
        let (view, _) = cluster.leader().await.view();
        let knows = |id| query::member(&view, id).unwrap().is_some();
        ids.clone().all(knows).then_some(())
    })
    .await;
}

/// Ten writes that `wiped` and another member acknowledge while the third is down; then all stop, and `wiped` loses its
/// directory. The third is started with it.
async fn acknowledged_by_one_that_is_wiped(wiped: u64, stale: u64) -> (Cluster, u64, Vec<Digest>) {
    let mut cluster = Cluster::start(3).await;
    cluster.put(b"all of them have this").await;
    known(&cluster, 1..=3).await;
    cluster.kill(stale).await;
    let mut digests = Vec::new();
    for write in 0..10u8 {
        digests.push(cluster.put(&[b'w', write]).await);
    }
    for id in cluster.ids() {
        cluster.kill(id).await;
    }
    std::fs::remove_dir_all(cluster.config(wiped).dir).unwrap();
    for id in [stale, wiped] {
        cluster.restart(id).await;
    }
    (cluster, 6 - wiped - stale, digests)
}

async fn comes_back_as_a_learner(wiped: u64, stale: u64) {
    let (mut cluster, whole, digests) = acknowledged_by_one_that_is_wiped(wiped, stale).await;
    // It was asked, and names the runbook.
    until_status(cluster.registry(wiped), "it refuses to vote", |status| {
        status
            .poisoned
            .as_ref()
            .is_some_and(|why| why.contains("docs/runbooks/replace-a-member.md"))
    })
    .await;
    for id in [stale, wiped] {
        assert!(cluster.registry(id).strong().await.is_err(), "{id} leads without the writes");
    }
    cluster.restart(whole).await;
    let leader = cluster.leader().await;
    for digest in &digests {
        assert!(query::body(&leader.strong().await.unwrap().0, digest).unwrap().is_some());
        until_has(cluster.registry(wiped), digest).await;
    }
    let two = BTreeSet::from([stale, whole]);
    assert_eq!(voters(&leader.status()), two, "the others took its vote from it");
    assert!(leader.status().learners.contains_key(&wiped));
    leader.change_voters(BTreeSet::from([1, 2, 3]), false).await.unwrap();
    let later = cluster.put(b"with its vote again").await;
    until_has(cluster.registry(wiped), &later).await;
    assert_eq!(cluster.registry(wiped).status().poisoned, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_without_vote_and_log_does_not_vote_and_comes_back_as_a_learner() {
    comes_back_as_a_learner(3, 2).await;
}

/// Consensus takes a log that goes back for impossible: the leader's ended, and each leader's after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_whose_directory_is_an_older_copy_of_its_own_comes_back_as_a_learner() {
    let mut cluster = Cluster::start(3).await;
    let first = cluster.put(b"before the copy").await;
    known(&cluster, 1..=3).await;
    let leader = cluster.leader().await.id();
    let older = cluster.follower(leader).id();
    until_has(cluster.registry(older), &first).await;
    let dir = cluster.config(older).dir;
    let copy = dir.with_extension("copy");
    cluster.kill(older).await;
    let copied = std::process::Command::new("cp").arg("-a").args([&dir, &copy]).status();
    assert!(copied.unwrap().success());
    cluster.restart(older).await;
    let mut last = first;
    for write in 0..5u8 {
        last = cluster.put(&[b'c', write]).await;
    }
    until_has(cluster.registry(older), &last).await;
    cluster.kill(older).await;
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::rename(&copy, &dir).unwrap();
    cluster.restart(older).await;
    until_has(cluster.registry(older), &last).await;
    let leads = cluster.leader().await;
    assert_eq!(leads.id(), leader, "the leader goes on");
    assert!(leads.status().learners.contains_key(&older), "the others took its vote from it");
    leads.change_voters(BTreeSet::from([1, 2, 3]), false).await.unwrap();
    let later = cluster.put(b"with its vote again").await;
    until_has(cluster.registry(older), &later).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founder_without_its_log_makes_no_second_cluster_and_comes_back_as_a_learner() {
    comes_back_as_a_learner(1, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_founder_and_a_voter_that_holds_nothing_make_no_second_cluster() {
    let mut cluster = Cluster::start(3).await;
    let digest = cluster.put(b"acknowledged").await;
    until_has(cluster.registry(3), &digest).await;
    for id in cluster.ids() {
        cluster.kill(id).await;
    }
    // Nobody can tell a voter that has lost its directory from one that was never started.
    for id in 1..=2 {
        std::fs::remove_dir_all(cluster.config(id).dir).unwrap();
    }
    for id in 1..=2 {
        cluster.restart(id).await;
        assert_eq!(voters(&cluster.registry(id).status()), BTreeSet::new(), "{id} has a cluster");
    }
    cluster.restart(3).await;
    for id in 1..=2 {
        until_status(cluster.registry(id), "it refuses to vote", |status| {
            status.poisoned.is_some()
        })
        .await;
    }
    for id in cluster.ids() {
        assert!(cluster.registry(id).strong().await.is_err(), "{id} leads");
    }
    assert_eq!(voters(&cluster.registry(1).status()), BTreeSet::new(), "the founder has a cluster");
    until_has(cluster.registry(3), &digest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_made_once_all_of_its_first_members_are_there_and_a_majority_suffices_then() {
    let mut cluster = Cluster::start_without(3, 3).await;
    assert_eq!(voters(&cluster.registry(1).status()), BTreeSet::new());
    cluster.restart(3).await;
    let digest = cluster.put(b"by three").await;
    for id in cluster.ids() {
        until_has(cluster.registry(id), &digest).await;
        assert_eq!(voters(&cluster.registry(id).status()), BTreeSet::from([1, 2, 3]));
    }
    for id in cluster.ids() {
        cluster.kill(id).await;
    }
    for id in [1, 3] {
        cluster.restart(id).await;
    }
    let later = cluster.put(b"by two of three").await;
    until_has(cluster.registry(3), &later).await;
}
