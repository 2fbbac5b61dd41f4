//! Leaders come and go; what was acknowledged stays.

use std::time::{Duration, Instant};

use deploy_service::wait_until;
use proto_types::Digest;
use registry_core::query;
use registry_raft::ReadError;

use crate::cluster::{Cluster, body, stored, until, until_has, until_status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_member_leads_when_the_leader_stops_and_all_restart_from_disk() {
    let mut cluster = Cluster::start(3).await;
    let first = cluster.put(b"under the first leader").await;
    let (old, term) = leader_of(&cluster).await;
    let other = cluster.follower(old).clone();
    let mut leadership = other.leadership();
    cluster.stop(old).await;
    let successor =
        wait_until(&mut leadership, |now| now.term > term && now.leader.is_some()).await;
    assert_ne!(successor.unwrap().leader, Some(old));
    let second = cluster.put(b"under the second leader").await;
    drop((other, leadership));

    cluster.restart(old).await;
    until_has(cluster.registry(old), &second).await;
    for id in cluster.ids() {
        cluster.stop(id).await;
    }
    for id in 1..=3 {
        cluster.restart(id).await;
    }
    let (view, _) = cluster.leader().await.strong().await.unwrap();
    for digest in [first, second] {
        assert!(query::body(&view, &digest).unwrap().is_some());
    }
}

/// Members that stood alone were ready for ever: the leader on their disk was taken for one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nobody_is_known_to_lead() {
    let mut cluster = Cluster::start(3).await;
    let (old, _) = leader_of(&cluster).await;
    for id in cluster.ids() {
        let knows = || async { cluster.registry(id).leader().filter(|(led_by, _)| *led_by == old) };
        until("all know the leader", knows).await;
    }
    let others: Vec<u64> = cluster.ids().into_iter().filter(|id| *id != old).collect();
    for id in &others {
        cluster.stop(*id).await;
    }
    let forgets = || async { cluster.registry(old).leader().is_none().then_some(()) };
    until("a leader whom nobody answers", forgets).await;
    cluster.restart(others[0]).await;
    until("two are a majority", || async { cluster.registry(old).leader() }).await;

    cluster.stop(old).await;
    cluster.stop(others[0]).await;
    cluster.restart(old).await;
    let alone = cluster.registry(old);
    for _ in 0..20 {
        assert_eq!(alone.leader(), None, "its disk says that somebody led");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cluster.restart(others[1]).await;
    until("two are a majority again", || async { cluster.registry(old).leader() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_when_leaders_are_killed() {
    let mut cluster = Cluster::start(3).await;
    let mut acknowledged: Vec<Digest> = Vec::new();
    for round in 0..4u64 {
        for write in 0..5 {
            acknowledged.push(cluster.put(format!("{round}-{write}").as_bytes()).await);
        }
        let (leader, _) = leader_of(&cluster).await;
        cluster.kill(leader).await;
        acknowledged.push(cluster.put(format!("{round}-without-{leader}").as_bytes()).await);
        cluster.restart(leader).await;
    }
    for id in cluster.ids() {
        cluster.kill(id).await;
    }
    for id in 1..=3 {
        cluster.restart(id).await;
    }
    let (view, _) = cluster.leader().await.strong().await.unwrap();
    for digest in &acknowledged {
        assert!(query::body(&view, digest).unwrap().is_some(), "{digest} is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_without_a_majority_acknowledges_nothing_and_serves_no_strong_read() {
    let mut cluster = Cluster::start(3).await;
    let before = cluster.put(b"with a majority").await;
    let (leader, _) = leader_of(&cluster).await;
    for id in cluster.ids().into_iter().filter(|id| *id != leader) {
        cluster.kill(id).await;
    }
    let alone = cluster.registry(leader).clone();
    let write = tokio::spawn({
        let alone = alone.clone();
        async move { alone.propose(body(b"without a majority")).await }
    });
    let refused = alone.strong().await.unwrap_err();
    let named = matches!(refused, ReadError::Unavailable(_) | ReadError::NotLeader { .. });
    assert!(named, "{refused}");
    assert!(query::body(&alone.view().0, &before).unwrap().is_some(), "stale reads go on");
    assert!(!write.is_finished());
    // The majority comes back, and with it an outcome: done, or unknown, but never a false refusal.
    for id in (1..=3).filter(|id| *id != leader) {
        cluster.restart(id).await;
    }
    if let Ok(replies) = write.await.unwrap() {
        let (view, _) = cluster.leader().await.strong().await.unwrap();
        assert!(query::body(&view, &stored(&replies)).unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_on_request() {
    let cluster = Cluster::start(3).await;
    cluster.put(b"something to hand over").await;
    let (old, _) = leader_of(&cluster).await;
    let heir = cluster.follower(old).id();
    assert_eq!(cluster.registry(old).transfer(Some(heir)).await.unwrap(), heir);
    let heir = cluster.registry(heir);
    until_status(heir, "the heir leads", |status| status.leader == Some(heir.id())).await;
}

/// It has no other leader's word yet, and its own leadership is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hands_over_is_in_contact_all_the_time() {
    let cluster = Cluster::start(3).await;
    cluster.put(b"something to hand over").await;
    let (old, _) = leader_of(&cluster).await;
    let (heir, old) = (cluster.follower(old), cluster.registry(old));
    until("its word is heard", || async { heir.in_contact().then_some(()) }).await;
    let asked = Instant::now();
    old.transfer(Some(heir.id())).await.unwrap();
    until("the heir is known to lead", || async {
        let in_contact = old.in_contact();
        // What a majority answered counts for three seconds. The time is read last: the machine may stall between the two.
        let since = asked.elapsed();
        assert!(in_contact || since > Duration::from_secs(2), "{since:?} after it handed over");
        old.leader().filter(|(id, _)| *id == heir.id())
    })
    .await;
}

async fn leader_of(cluster: &Cluster) -> (u64, u64) {
    let leader = cluster.leader().await;
    (leader.id(), leader.status().term)
}
