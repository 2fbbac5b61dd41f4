//! Security cases 44 and 45: bits that turned in a state or in a snapshot are found; what is damaged is set aside, and
//! what takes its place comes from this member's log, its snapshot, or the others.

use std::path::{Path, PathBuf};

use proto_types::Digest;
use registry_core::query;
use registry_raft::{ClusterSecret, Config, Error, Registry};

use crate::cluster::{Cluster, SECRET, until, until_has, until_status};

fn few_logs(config: &mut Config) {
    config.snapshot_every_logs = 20;
    config.logs_kept = 0;
}

fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    all.filter(|file| file.extension().is_some_and(|found| found == end)).collect()
}

fn folder(dir: &Path, starts: &str) -> PathBuf {
    let all = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found = all.filter(|path| {
        path.is_dir() && path.file_name().unwrap().to_string_lossy().starts_with(starts)
    });
    found.next().unwrap()
}

/// Turns three bits of every file that holds bodies.
fn flip(state: &Path) {
    let blobs = files(state, "blob");
    assert!(!blobs.is_empty(), "no bodies are on the disk yet");
    for file in blobs {
        let mut bytes = std::fs::read(&file).unwrap();
        let length = bytes.len();
        for part in [3, 4, 5] {
            bytes[length * part / 8] ^= 1;
        }
        std::fs::write(&file, bytes).unwrap();
    }
}

/// Three members with bodies whose log no longer begins at the first entry.
async fn grown() -> (Cluster, Vec<Digest>) {
    let cluster = Cluster::start_with(3, few_logs).await;
    let mut digests = Vec::new();
    for write in 0..60u8 {
        digests.push(cluster.put(&vec![write; 3_000]).await);
    }
    for id in cluster.ids() {
        let member = cluster.registry(id);
        for digest in &digests {
            until_has(member, digest).await;
        }
        until("its log is purged", || async { member.status().purged.map(drop) }).await;
    }
    (cluster, digests)
}

/// Reads until damage is met, and waits until the member says so.
async fn found(member: &Registry, digests: &[Digest]) {
    let failed = member.failed();
    for digest in digests {
        // The read that meets the damage fails.
        let _ = query::body(&member.view().0, digest);
    }
    let why = tokio::time::timeout(std::time::Duration::from_secs(30), failed).await.unwrap();
    assert!(why.contains("damaged"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bits_turned_in_a_followers_state_are_found_and_the_state_is_fetched_from_the_others() {
    let (mut cluster, digests) = grown().await;
    let leader = cluster.leader().await.id();
    let damaged = cluster.follower(leader).id();
    let dir = cluster.config(damaged).dir;
    cluster.stop(damaged).await;
    flip(&folder(&dir, "state-"));
    cluster.restart(damaged).await;
    found(cluster.registry(damaged), &digests).await;
    cluster.kill(damaged).await;
    cluster.restart(damaged).await;
    let later = cluster.put(b"afterwards").await;
    for digest in digests.iter().chain([&later]) {
        until_has(cluster.registry(damaged), digest).await;
    }
    let aside = dir.join("set-aside");
    assert!(!files(&folder(&aside, "state-"), "blob").is_empty(), "the damaged state is kept");
    // Vote and log were sound: it stays a voter.
    assert_eq!(cluster.leader().await.status().members.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bits_turned_in_a_leaders_snapshot_are_found_when_it_is_sent() {
    let (mut cluster, digests) = grown().await;
    let damaged = cluster.leader().await.id();
    let dir = cluster.config(damaged).dir;
    let snapshot = folder(&dir.join("snapshots"), "0");
    flip(&snapshot.join("db"));
    let address = cluster.newcomer(4).await;
    cluster.registry(damaged).add_learner(4, &address).await.unwrap();
    for digest in &digests {
        until_has(cluster.registry(4), digest).await;
    }
    let kept = || async { dir.join("set-aside").exists().then_some(()) };
    until("the damaged snapshot is kept", kept).await;
    cluster.kill(damaged).await;
    cluster.restart(damaged).await;
    for digest in &digests {
        until_has(cluster.registry(damaged), digest).await;
    }
}

/// Turns bits of a member's state of which no digest was taken yet, and has a snapshot made of that.
async fn digest_damage(cluster: &mut Cluster, id: u64) {
    let dir = cluster.config(id).dir;
    // Few files: no compaction meets the damage before it is digested.
    cluster.registry(id).defrag().await.unwrap();
    cluster.stop(id).await;
    std::fs::remove_dir_all(dir.join("snapshots")).unwrap();
    flip(&folder(&dir, "state-"));
    cluster.restart(id).await;
    let member = cluster.registry(id);
    until_status(member, "a snapshot is made", |status| status.snapshot.is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bits_turned_before_they_were_digested_are_found_and_the_state_is_fetched_from_the_others()
{
    let (mut cluster, digests) = grown().await;
    let leader = cluster.leader().await.id();
    let damaged = cluster.follower(leader).id();
    digest_damage(&mut cluster, damaged).await;
    found(cluster.registry(damaged), &digests).await;
    cluster.kill(damaged).await;
    cluster.restart(damaged).await;
    for digest in &digests {
        until_has(cluster.registry(damaged), digest).await;
    }
    let aside = cluster.config(damaged).dir.join("set-aside");
    assert!(folder(&aside, "state-").exists() && folder(&aside, "0").exists(), "both are kept");
    assert_eq!(cluster.leader().await.status().members.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_snapshot_was_digested_with_damage_passes_it_on_to_nobody() {
    let (mut cluster, digests) = grown().await;
    let leader = cluster.leader().await.id();
    let damaged = cluster.follower(leader).id();
    digest_damage(&mut cluster, damaged).await;
    until("the damaged member leads", || async {
        let leader = cluster.leader().await;
        // It may not have heard of the other yet.
        let _ = leader.transfer(Some(damaged)).await;
        (leader.id() == damaged).then_some(())
    })
    .await;
    let address = cluster.newcomer(4).await;
    cluster.registry(damaged).add_learner(4, &address).await.unwrap();
    for digest in &digests {
        until_has(cluster.registry(4), digest).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_member_whose_state_is_damaged_is_refused_and_loses_no_copy() {
    let mut cluster = Cluster::start_with(1, few_logs).await;
    let mut digests = Vec::new();
    for write in 0..60u8 {
        digests.push(cluster.put(&vec![write; 3_000]).await);
    }
    let member = cluster.registry(1);
    until("its log is purged", || async { member.status().purged.map(drop) }).await;
    let dir = cluster.config(1).dir;
    cluster.stop(1).await;
    flip(&folder(&dir, "state-"));
    cluster.restart(1).await;
    found(cluster.registry(1), &digests).await;
    cluster.kill(1).await;
    for _ in 0..2 {
        let secret = ClusterSecret::new(SECRET).unwrap();
        let refused = Registry::start(cluster.config(1), secret).await.unwrap_err();
        assert!(matches!(refused, Error::Unrecovered { .. }), "{refused}");
        assert!(refused.to_string().contains("docs/runbooks/restore.md"), "{refused}");
    }
    let aside = dir.join("set-aside");
    assert!(!files(&folder(&aside, "state-"), "blob").is_empty(), "the damaged state is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_state_is_made_anew_from_a_log_that_holds_everything() {
    let mut cluster = Cluster::start(1).await;
    let mut digests = Vec::new();
    for write in 0..20u8 {
        digests.push(cluster.put(&vec![write; 3_000]).await);
    }
    cluster.registry(1).defrag().await.unwrap();
    let dir = cluster.config(1).dir;
    cluster.stop(1).await;
    flip(&folder(&dir, "state-"));
    cluster.restart(1).await;
    found(cluster.registry(1), &digests).await;
    cluster.kill(1).await;
    cluster.restart(1).await;
    for digest in &digests {
        until_has(cluster.registry(1), digest).await;
    }
}
