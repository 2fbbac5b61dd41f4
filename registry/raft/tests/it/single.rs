//! A cluster of one runs the same code: every write is on its disk before it is acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};

use deploy_service::wait_until;
use proto_types::{Revision, WallMs};
use registry_core::query;
use registry_raft::{Clock, ClusterSecret, Error, ProposeError, ReadError, Registry};

use crate::cluster::{Cluster, body, done, gateway, has, stored, until_has};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_member_loses_no_acknowledged_write() {
    let mut cluster = Cluster::start(1).await;
    let mut acknowledged = Vec::new();
    for round in 0..5u64 {
        let leader = cluster.leader().await.clone();
        for write in 0..20 {
            let bytes = format!("{round}-{write}");
            let replies = leader.propose(body(bytes.as_bytes())).await.unwrap();
            acknowledged.push(stored(&replies));
        }
        drop(leader);
        cluster.kill(1).await;
        cluster.restart(1).await;
        let (view, _) = cluster.leader().await.strong().await.unwrap();
        for digest in &acknowledged {
            assert!(query::body(&view, digest).unwrap().is_some(), "{digest} of {round} is lost");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revisions_are_announced_and_survive_a_restart() {
    let mut cluster = Cluster::start(1).await;
    let leader = cluster.leader().await.clone();
    let now = Clock::system().now();
    let mut revisions = leader.revisions();
    let waiting = tokio::spawn({
        let leader = leader.clone();
        async move { leader.wait_applied(Revision(2)).await }
    });
    assert_eq!(done(&leader.propose(gateway("one", now)).await.unwrap()), Revision(1));
    assert_eq!(done(&leader.propose(gateway("two", now)).await.unwrap()), Revision(2));
    waiting.await.unwrap().unwrap();
    let announced = wait_until(&mut revisions, |revision| *revision == Revision(2)).await;
    assert_eq!(announced.unwrap(), Revision(2));
    drop((leader, revisions));
    cluster.stop(1).await;
    cluster.restart(1).await;
    assert_eq!(cluster.leader().await.applied(), Revision(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_08_the_leader_stamps_with_its_clock_and_time_never_goes_back() {
    static NOW: AtomicU64 = AtomicU64::new(1_000_000);
    let clock = |config: &mut registry_raft::Config| {
        config.clock = Clock::new(|| WallMs(NOW.load(Ordering::Relaxed)));
    };
    let cluster = Cluster::start_with(1, clock).await;
    let leader = cluster.leader().await;
    leader.propose(gateway("one", WallMs(1_000_000))).await.unwrap();
    assert_eq!(query::clock(&leader.view().0).unwrap(), WallMs(1_000_000));
    // An hour ahead, and an hour back.
    NOW.store(4_600_000, Ordering::Relaxed);
    leader.propose(gateway("two", WallMs(4_600_000))).await.unwrap();
    assert_eq!(query::clock(&leader.view().0).unwrap(), WallMs(4_600_000));
    NOW.store(1_000_000, Ordering::Relaxed);
    leader.propose(gateway("three", WallMs(4_600_000))).await.unwrap();
    assert_eq!(query::clock(&leader.view().0).unwrap(), WallMs(4_600_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_member_refuses_writes_and_strong_reads_but_shows_what_it_has() {
    let cluster = Cluster::start(1).await;
    let leader = cluster.leader().await;
    let digest = stored(&leader.propose(body(b"kept")).await.unwrap());
    leader.stop().await;
    leader.stop().await;
    let refused = leader.propose(body(b"late")).await.unwrap_err();
    let plain = matches!(refused, ProposeError::Stopped | ProposeError::NotLeader { .. });
    assert!(plain, "{refused}");
    assert_eq!(leader.strong().await.unwrap_err(), ReadError::Stopped);
    assert!(leader.wait_applied(Revision(9)).await.is_err());
    assert!(has(leader, &digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_proposal_is_refused_and_harms_nobody() {
    let cluster = Cluster::start(1).await;
    let leader = cluster.leader().await;
    let mut large = body(&[7; 1 << 20]);
    while large.commands.len() < 20 {
        large.commands.push(large.commands[0].clone());
    }
    let refused = leader.propose(large).await.unwrap_err();
    assert!(matches!(refused, ProposeError::TooLarge { .. }), "{refused}");
    let digest = stored(&leader.propose(body(&[7; 1 << 20])).await.unwrap());
    until_has(leader, &digest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_in_use_and_a_contradiction_are_named_at_start() {
    let cluster = Cluster::start(1).await;
    let secret = || ClusterSecret::new(crate::cluster::SECRET).unwrap();
    let busy = Registry::start(cluster.config(1), secret()).await.unwrap_err();
    assert!(matches!(busy, Error::Store(_)), "{busy}");
    let mut config = cluster.config(1);
    config.timings.election_max = config.timings.election_min;
    let wrong = Registry::start(config, secret()).await.unwrap_err();
    assert!(matches!(wrong, Error::Config(_)), "{wrong}");
    let mut config = cluster.config(1);
    config.id = 9;
    let wrong = Registry::start(config, secret()).await.unwrap_err();
    assert!(matches!(wrong, Error::Config(_)), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_asked_for_while_another_is_made_holds_all_that_was_applied_by_then() {
    let cluster = Cluster::start(1).await;
    let registry = cluster.registry(1);
    let mut asked = tokio::task::JoinSet::new();
    for round in 0..8_u8 {
        cluster.put(&[round]).await;
        let (registry, applied) = (registry.clone(), registry.status().applied);
        asked.spawn(async move { (applied, registry.snapshot().await.unwrap()) });
    }
    let all = async {
        while let Some(made) = asked.join_next().await {
            let (applied, held) = made.unwrap();
            assert!(Some(held) >= applied, "{held} of {applied:?}");
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), all).await.unwrap();
}
