//! A member that comes too late for the log gets the state.

use proto_types::Digest;
use registry_raft::Config;

use crate::cluster::{Cluster, until_has, until_status};
use crate::wiped::known;

fn few_logs(config: &mut Config) {
    config.snapshot_every_logs = 20;
    config.logs_kept = 0;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_member_is_sent_a_snapshot_and_keeps_it() {
    let mut cluster = Cluster::start_with(3, few_logs).await;
    let first = cluster.put(&[1; 3_000]).await;
    let leader = cluster.leader().await.id();
    let late = cluster.follower(leader).id();
    until_has(cluster.registry(late), &first).await;
    let known = cluster.registry(late).status().last_log.unwrap();
    cluster.kill(late).await;
    let digests = purge_beyond(&cluster, late).await;
    cluster.restart(late).await;
    for digest in &digests {
        until_has(cluster.registry(late), digest).await;
    }
    let status = cluster.registry(late).status();
    assert!(status.purged > Some(known), "the entries it lacked were never sent: {status:?}");
    // What was installed is a state like any other: it survives, and entries are applied on top of it.
    cluster.kill(late).await;
    cluster.restart(late).await;
    let last = cluster.put(b"after the snapshot").await;
    for digest in digests.iter().chain([&first, &last]) {
        until_has(cluster.registry(late), digest).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_member_comes_back_as_a_learner_from_a_snapshot() {
    let mut cluster = Cluster::start_with(3, few_logs).await;
    let first = cluster.put(b"before").await;
    let leader = cluster.leader().await.id();
    let wiped = cluster.follower(leader).id();
    until_has(cluster.registry(wiped), &first).await;
    known(&cluster, 1..=3).await;
    cluster.kill(wiped).await;
    let digests = purge_beyond(&cluster, wiped).await;
    std::fs::remove_dir_all(cluster.config(wiped).dir).unwrap();
    cluster.restart(wiped).await;
    for digest in digests.iter().chain([&first]) {
        until_has(cluster.registry(wiped), digest).await;
    }
    let status = cluster.registry(wiped).status();
    assert!(status.snapshot.is_some(), "it was sent a snapshot: {status:?}");
    let leads = cluster.registry(leader).status();
    assert!(leads.learners.contains_key(&wiped), "it has no vote: {leads:?}");
}

/// Writes until the leader's log begins behind everything that the absent member has.
async fn purge_beyond(cluster: &Cluster, absent: u64) -> Vec<Digest> {
    let leader = cluster.leader().await;
    assert_ne!(leader.id(), absent);
    let known = leader.status().last_log.unwrap();
    let mut digests = Vec::new();
    while leader.status().purged.is_none_or(|purged| purged <= known) {
        let next = (digests.len() as u32).to_be_bytes();
        digests.push(cluster.put(&[&next[..], &[2; 2_000]].concat()).await);
        assert!(digests.len() < 500, "500 entries were not purged: {:?}", leader.status());
    }
    until_status(leader, "a snapshot", |status| status.snapshot.is_some()).await;
    digests
}
