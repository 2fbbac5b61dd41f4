//! Members compare digests of their states: equal after crashes and snapshots, different after damage.

use registry_core::change::Write;
use registry_core::view::{Space, View as _};
use registry_raft::{Clock, Compared, ReadError, Registry};
use registry_store::{Options, Store};

use crate::cluster::{Cluster, done, gateway, until, until_status};

/// Writes through the leader and waits until a member has it.
async fn write(cluster: &Cluster, name: &str, member: &Registry) {
    let leader = cluster.leader().await;
    let revision = done(&leader.propose(gateway(name, Clock::system().now())).await.unwrap());
    member.wait_applied(revision).await.unwrap();
    leader.wait_applied(revision).await.unwrap();
}

/// What a member finds as soon as it has what the leader has: members commit entries of their own accord too.
async fn compared(cluster: &Cluster, member: u64) -> Compared {
    until("one place in the log", || async {
        let mark = cluster.leader().await.state_mark()?;
        let found = cluster.registry(member).compare(&mark);
        matches!(found, Compared::Same | Compared::Differs).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_have_one_digest_after_crashes_and_a_snapshot() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await.id();
    let other = cluster.follower(leader).id();
    write(&cluster, "gateway-1", cluster.registry(other)).await;
    cluster.kill(other).await;
    let alone = cluster.leader().await;
    alone.propose(gateway("gateway-2", Clock::system().now())).await.unwrap();
    cluster.restart(other).await;
    write(&cluster, "gateway-3", cluster.registry(other)).await;
    assert_eq!(compared(&cluster, other).await, Compared::Same);
    assert_eq!(cluster.registry(other).diverged(), None);
    for id in cluster.ids() {
        let registry = cluster.registry(id);
        registry.snapshot().await.unwrap();
        until_status(registry, "a snapshot", |status| status.snapshot.is_some()).await;
    }
    cluster.stop(other).await;
    cluster.restart(other).await;
    write(&cluster, "gateway-4", cluster.registry(other)).await;
    assert_eq!(compared(&cluster, other).await, Compared::Same);
}

/// Turns one bit of the revision of a stopped member's state.
fn damage(dir: &std::path::Path, member: u64) {
    let store = Store::open(dir, member, Options::default()).unwrap();
    let view = store.view();
    let all = view.range(Space::State, &[], &[0xff], 1_000).unwrap();
    let revision = all.into_iter().find(|(key, _)| key.ends_with(b"revision")).unwrap();
    let (key, mut value) = revision;
    value[6] ^= 1;
    drop(view);
    store.commit(&[Write::Put { space: Space::State, key, value }], &[]).unwrap();
    store.sync_state().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_state_differs_says_so_and_serves_no_strong_read() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await.id();
    let other = cluster.follower(leader).id();
    write(&cluster, "gateway-1", cluster.registry(other)).await;
    cluster.stop(other).await;
    damage(&cluster.dir.path().join(other.to_string()), other);
    cluster.restart(other).await;
    let healthy = cluster.leader().await;
    let revision =
        done(&healthy.propose(gateway("gateway-2", Clock::system().now())).await.unwrap());
    healthy.wait_applied(revision).await.unwrap();
    let mark = healthy.state_mark().unwrap();
    let damaged = cluster.registry(other);
    until_status(damaged, "the entry", |status| status.applied >= Some(mark.index)).await;
    assert_eq!(damaged.compare(&mark), Compared::Differs);
    let poisoned = damaged.status().poisoned.unwrap();
    assert!(poisoned.contains("state diverged"), "{poisoned}");
    assert!(healthy.status().poisoned.is_none());
    cluster.kill(healthy.id()).await;
    // Whether it leads now or not, it gives no strong answer.
    let refused = cluster.registry(other).strong().await;
    assert!(matches!(refused, Err(ReadError::Unavailable(_) | ReadError::NotLeader { .. })));
}
