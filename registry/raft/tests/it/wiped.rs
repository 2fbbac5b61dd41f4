//! A voter that has lost its directory has forgotten whom it voted for and what it acknowledged: it does not count until
//! the others have made it a learner.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proto_types::Digest;
use registry_core::query;
use registry_raft::{ClusterSecret, Registry, Status};

use crate::cluster::{Cluster, SECRET, has, until, until_has, until_status};
use crate::members::retire;

/// Two elections of the test's timings and more, in which somebody would have come to lead.
const ELECTIONS: Duration = Duration::from_secs(3);

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

/// Stops a member, copies its directory, and starts it again; where the copy is.
async fn copied(cluster: &mut Cluster, id: u64) -> PathBuf {
    let dir = cluster.config(id).dir;
    let copy = dir.with_extension("copy");
    cluster.kill(id).await;
    let copied = std::process::Command::new("cp").arg("-a").args([&dir, &copy]).status();
    assert!(copied.unwrap().success());
    cluster.restart(id).await;
    copy
}

/// Puts a copy in the place of the directory of a member that is down.
fn put_back(cluster: &Cluster, id: u64, copy: &Path) {
    let dir = cluster.config(id).dir;
    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::rename(copy, &dir).unwrap();
}

/// Consensus takes a log that goes back for impossible: the leader's ended, and each leader's after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_whose_directory_is_an_older_copy_of_its_own_comes_back_as_a_learner() {
    // One leader throughout, however busy the machine is: it alone knows what the member has acknowledged to it.
    let mut cluster = Cluster::start_with(3, |config| {
        config.timings.election_min = Duration::from_secs(4);
        config.timings.election_max = Duration::from_secs(8);
    })
    .await;
    let first = cluster.put(b"before the copy").await;
    known(&cluster, 1..=3).await;
    let leader = cluster.leader().await.id();
    let older = cluster.follower(leader).id();
    until_has(cluster.registry(older), &first).await;
    let copy = copied(&mut cluster, older).await;
    let mut last = first;
    for write in 0..5u8 {
        last = cluster.put(&[b'c', write]).await;
    }
    until_has(cluster.registry(older), &last).await;
    cluster.kill(older).await;
    put_back(&cluster, older, &copy);
    cluster.restart(older).await;
    until_has(cluster.registry(older), &last).await;
    let leads = cluster.leader().await;
    assert_eq!(leads.id(), leader, "the leader goes on");
    assert!(leads.status().learners.contains_key(&older), "the others took its vote from it");
    leads.change_voters(BTreeSet::from([1, 2, 3]), false).await.unwrap();
    let later = cluster.put(b"with its vote again").await;
    until_has(cluster.registry(older), &later).await;
}

/// In its own eyes it is one of three, and the other that is up might be its majority.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_a_removed_members_directory_gets_nobody_elected_and_says_why() {
    let mut cluster = Cluster::start(3).await;
    let first = cluster.put(b"before the copy").await;
    known(&cluster, 1..=3).await;
    let leader = cluster.leader().await.id();
    let gone = cluster.follower(leader).id();
    let stays = 6 - leader - gone;
    until_has(cluster.registry(gone), &first).await;
    let copy = copied(&mut cluster, gone).await;
    let leads = cluster.registry(leader);
    retire(leads, gone).await;
    leads.remove(BTreeSet::from([gone]), false).await.unwrap();
    let last = cluster.put(b"after the removal").await;
    until_has(cluster.registry(stays), &last).await;
    for id in [gone, leader] {
        cluster.kill(id).await;
    }
    put_back(&cluster, gone, &copy);
    cluster.restart(gone).await;

    let old = cluster.registry(gone);
    until_status(old, "it is told", |status| status.removed).await;
    assert!(!has(old, &last) && old.age().is_none(), "nobody knows how old its state is");
    let end = Instant::now() + ELECTIONS;
    while Instant::now() < end {
        for id in [gone, stays] {
            assert!(cluster.registry(id).strong().await.is_err(), "{id} leads");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.restart(leader).await;
    let later = cluster.put(b"by the two that are left").await;
    until_has(cluster.registry(stays), &later).await;
    assert!(!has(cluster.registry(gone), &later));
    // It is noted, so that it does not start again.
    let identity = cluster.config(gone).dir.join("IDENTITY");
    until("its directory says so", || async {
        let noted = std::fs::read_to_string(&identity).unwrap();
        noted.lines().any(|line| line == "removed").then_some(())
    })
    .await;
    cluster.stop(gone).await;
    let again = Registry::start(cluster.config(gone), ClusterSecret::new(SECRET).unwrap()).await;
    let why = std::error::Error::source(&again.unwrap_err()).unwrap().to_string();
    assert!(why.contains(&format!("member {gone} was removed")), "{why}");
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
