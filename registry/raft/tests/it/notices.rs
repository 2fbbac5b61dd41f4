//! What members tell the leader outside of the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use registry_raft::{TakeNotice, Untaken};

use crate::cluster::{Cluster, until};

/// What each member has taken, by its number.
type Taken = Arc<Mutex<BTreeMap<u64, Vec<Vec<u8>>>>>;

/// A notice that no member can act on.
const IMPOSSIBLE: &[u8] = b"impossible";

fn take(taken: &Taken, id: u64) -> TakeNotice {
    let taken = Arc::clone(taken);
    Box::new(move |notice: &[u8]| {
        taken.lock().unwrap().entry(id).or_default().push(notice.to_vec());
        notice != IMPOSSIBLE
    })
}

/// Caught: a member that takes a notice although it does not lead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_of_any_member_is_taken_by_the_leader_alone_and_writes_nothing() {
    let cluster = Cluster::start(3).await;
    let taken = Taken::default();
    for id in cluster.ids() {
        cluster.registry(id).notices_by(take(&taken, id));
    }
    let leader = cluster.leader().await;
    let revision = leader.applied();
    let follower = cluster.follower(leader.id());
    for (member, notice) in [(leader, &b"own"[..]), (follower, b"a follower's"), (follower, b"")] {
        assert_eq!(member.notify_leader(notice.to_vec()).await, Ok(true));
    }
    let expected = vec![b"own".to_vec(), b"a follower's".to_vec(), Vec::new()];
    assert_eq!(*taken.lock().unwrap(), BTreeMap::from([(leader.id(), expected)]));
    assert_eq!(leader.applied(), revision);
}

/// Caught: a leader that says nothing of a notice which it cannot act on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_hears_whether_the_leader_could_act_on_its_notice() {
    let cluster = Cluster::start(3).await;
    for id in cluster.ids() {
        cluster.registry(id).notices_by(take(&Taken::default(), id));
    }
    let leader = cluster.leader().await;
    for member in [leader, cluster.follower(leader.id())] {
        assert_eq!(member.notify_leader(IMPOSSIBLE.to_vec()).await, Ok(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_no_leader_takes_is_an_error() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await.id();
    assert_eq!(cluster.registry(leader).notify_leader(vec![1]).await, Err(Untaken), "nobody does");
    let others: Vec<u64> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let taken = Taken::default();
    let (killed, left) = (others[0], others[1]);
    cluster.registry(left).notices_by(take(&taken, left));
    for id in [leader, killed] {
        cluster.kill(id).await;
    }
    until("its word is out of reach", || async {
        (cluster.registry(left).notify_leader(vec![2]).await == Err(Untaken)).then_some(())
    })
    .await;
    assert!(taken.lock().unwrap().is_empty());
}
