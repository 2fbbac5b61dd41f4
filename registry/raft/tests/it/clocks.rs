//! Security case 8: the state's time is that of a majority's clocks, whoever leads.

use proto_types::WallMs;
use registry_core::query;
use registry_raft::{Clock, Config, Registry};

use crate::cluster::{Cluster, until, until_status};

const HOUR_MS: u64 = 3_600_000;

/// What a test may take between two looks at the clock, and the bound that a member is named beyond.
const NEAR_MS: u64 = 5_000;

fn ahead(config: &mut Config) {
    if config.id == 1 {
        config.clock = Clock::new(|| Clock::system().now().plus_ms(HOUR_MS));
    }
}

fn behind(config: &mut Config) {
    if config.id == 1 {
        config.clock = Clock::new(|| Clock::system().now().minus_ms(HOUR_MS));
    }
}

fn is_now(time: WallMs) -> bool {
    time.0.abs_diff(Clock::system().now().0) <= NEAR_MS
}

fn states_time(registry: &Registry) -> WallMs {
    query::clock(&registry.view().0).unwrap()
}

async fn check(wrong: fn(&mut Config)) {
    let cluster = Cluster::start_with(3, wrong).await;
    // Whoever leads at first: the founder, as a rule, whose clock is wrong.
    for write in 0..5u8 {
        cluster.put(&[write]).await;
        let time = states_time(cluster.leader().await);
        assert!(is_now(time), "the state's time is {time}");
    }
    let one = cluster.registry(1);
    until_status(one, "its clock is named", |status| {
        status.clock_offset_ms.is_some_and(|offset| offset.unsigned_abs() > HOUR_MS - NEAR_MS)
    })
    .await;
    assert!(is_now(one.time()), "it judges by the others' time");
    until("another one leads", || async { (cluster.leader().await.id() != 1).then_some(()) }).await;
    let leader = cluster.leader().await;
    until_status(leader, "the leader names it", |status| {
        let offset = status.peers.get(&1).and_then(|peer| peer.clock_offset_ms);
        offset.is_some_and(|offset| offset.unsigned_abs() > HOUR_MS - NEAR_MS)
    })
    .await;
    cluster.put(b"under a right clock").await;
    assert!(is_now(states_time(leader)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_clock_is_ahead_does_not_move_the_time_and_does_not_lead() {
    check(ahead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_clock_is_behind_does_not_hold_the_time_and_does_not_lead() {
    check(behind).await;
}
