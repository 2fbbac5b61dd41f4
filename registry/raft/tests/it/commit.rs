//! Group commit and reads in a cluster of three.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use proto_types::Digest;
use registry_core::change::{Effect, Reply};
use registry_core::command::{Command, Proposal, PutBody};
use registry_core::query;
use registry_raft::{Clock, Held, ReadError};
use tokio::time::timeout;

use crate::cluster::{
    Cluster, body, done, envelope, gateway, has, not_leader, stored, until, until_has,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_reaches_every_member_and_a_follower_says_who_leads() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let digest = stored(&leader.propose(body(b"everywhere")).await.unwrap());
    assert!(has(leader, &digest), "the leader shows a write no later than it acknowledges it");
    for id in cluster.ids() {
        until_has(cluster.registry(id), &digest).await;
    }
    let follower = cluster.follower(leader.id());
    assert_eq!(follower.leader().unwrap().0, leader.id());
    assert_eq!(follower.leader().unwrap().1, cluster.addresses[&leader.id()]);
    assert_eq!(not_leader(&follower.propose(body(b"x")).await.unwrap_err()), Some(leader.id()));
    let refused = follower.strong().await.unwrap_err();
    assert!(matches!(refused, ReadError::NotLeader { leader: Some(_) }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_forwards_a_proposal_in_one_hop() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let follower = cluster.follower(leader.id());
    let now = Clock::system().now();
    let revision = done(&follower.write(gateway("one", now), None).await.unwrap());
    follower.wait_applied(revision).await.unwrap();
    let again = done(&follower.write(gateway("one", now), None).await.unwrap());
    assert_eq!(again, revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_for_a_write_is_kept_until_it_is_answered_though_its_caller_has_gone() {
    let mut cluster = Cluster::start(5).await;
    let leader = cluster.leader().await.clone();
    let follower = cluster.follower(leader.id()).clone();
    let two = [leader.id(), follower.id()];
    let others: Vec<u64> = cluster.ids().into_iter().filter(|id| !two.contains(id)).collect();
    for id in &others {
        cluster.kill(*id).await;
    }
    // Two of five acknowledge nothing, and one carries writes to the other.
    let mut kept = Vec::new();
    for member in [&leader, &follower] {
        let held: Held = Arc::new(());
        kept.push(Arc::downgrade(&held));
        let write = member.write(body(b"unanswered"), Some(held));
        timeout(Duration::from_millis(100), write).await.expect_err("nobody acknowledges it");
    }
    assert!(kept.iter().all(|kept| kept.upgrade().is_some()), "nothing withdraws a proposal");
    for id in others {
        cluster.restart(id).await;
    }
    for kept in kept {
        until("an answer", || async { kept.upgrade().is_none().then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_completes_what_is_proposed_here_or_forwarded_and_a_follower_nothing() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    for id in cluster.ids() {
        let add = move |proposal: &mut Proposal| -> Option<Held> {
            let bytes = format!("completed by {id}").into_bytes();
            proposal.commands.push(Command::PutBody(PutBody { bytes }));
            None
        };
        cluster.registry(id).prepare_by(Box::new(add));
    }
    let by_leader = Digest::of(format!("completed by {}", leader.id()).as_bytes());
    for registry in [leader, cluster.follower(leader.id())] {
        let replies = registry.write(body(b"proposed"), None).await.unwrap();
        assert_eq!(replies.last(), Some(&Reply::Stored(by_leader)), "{}", registry.id());
        assert_eq!(replies.len(), 2, "it is completed once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_proposals_shares_log_entries_and_each_gets_its_own_reply() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let before = leader.status().last_log.unwrap();
    let bodies: Vec<Vec<u8>> = (0..64u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let replies = join_all(bodies.iter().map(|bytes| leader.propose(body(bytes)))).await;
    for (bytes, replies) in bodies.iter().zip(replies) {
        assert_eq!(stored(&replies.unwrap()), Digest::of(bytes));
    }
    let entries = leader.status().last_log.unwrap() - before;
    assert!(entries <= 16, "64 proposals took {entries} entries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strong_read_shows_every_write_acknowledged_before_it() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    for write in 0..20u32 {
        let digest = stored(&leader.propose(body(&write.to_be_bytes())).await.unwrap());
        let reads = join_all((0..8).map(|_| leader.strong())).await;
        for read in reads {
            let (view, _) = read.unwrap();
            assert!(query::body(&view, &digest).unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_proposing_member_acts_on_effects() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let follower = cluster.follower(leader.id());
    let (mut here, mut there) = (leader.subscribe_effects(), follower.subscribe_effects());
    let digest = stored(&leader.propose(body(b"an envelope")).await.unwrap());
    leader.propose(envelope(digest, Clock::system().now())).await.unwrap();
    assert_eq!(here.recv().await.unwrap(), Effect::EnvelopeReady("target".to_owned()));
    follower.wait_applied(leader.applied()).await.unwrap();
    assert!(there.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_age_of_a_view_is_known_once_a_leader_was_heard() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    assert!(leader.age().is_some());
    let digest = stored(&leader.propose(body(b"x")).await.unwrap());
    let follower = cluster.follower(leader.id());
    until_has(follower, &digest).await;
    assert!(follower.age().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_judged_in_one_term_is_not_taken_in_the_next() {
    let mut cluster = Cluster::start(1).await;
    let leader = cluster.leader().await;
    stored(&leader.propose(body(b"before")).await.unwrap());
    let (view, term) = leader.leader_view().unwrap();
    assert!(query::body(&view, &Digest::of(b"before")).unwrap().is_some());
    drop(view);
    stored(&leader.propose_in(term, body(b"in time"), None).await.unwrap());
    let id = leader.id();
    cluster.stop(id).await;
    cluster.restart(id).await;
    let leader = cluster.leader().await;
    stored(&leader.propose(body(b"anew")).await.unwrap());
    let (_, next) = leader.leader_view().unwrap();
    assert_ne!(next, term);
    let late = leader.propose_in(term, body(b"late"), None).await.unwrap_err();
    assert_eq!(not_leader(&late), None);
    assert!(!has(leader, &Digest::of(b"late")));
    stored(&leader.propose_in(next, body(b"again"), None).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_leader_has_a_leader_view() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    stored(&leader.propose(body(b"something")).await.unwrap());
    assert!(leader.leader_view().is_some());
    assert!(cluster.follower(leader.id()).leader_view().is_none());
}
