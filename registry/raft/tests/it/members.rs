//! The cluster changes under way: members come, vote, lead and leave.

use std::collections::BTreeSet;

use registry_core::change::Reply;
use registry_core::command::{Command, LogCommand, OpenLog, Proposal, RetireMember};
use registry_core::query;
use registry_raft::{ChangeError, ClusterSecret, ProposeError, Registry};

use crate::cluster::{Cluster, SECRET, until, until_has, until_status};

fn set(ids: impl IntoIterator<Item = u64>) -> BTreeSet<u64> {
    ids.into_iter().collect()
}

fn voters(status: &registry_raft::Status) -> BTreeSet<u64> {
    status.members.keys().copied().collect()
}

/// Adds a member without a vote, and waits until it has what the leader has.
async fn learn(cluster: &mut Cluster, id: u64) {
    let address = cluster.newcomer(id).await;
    let leader = cluster.leader().await;
    leader.add_learner(id, &address).await.unwrap();
    leader.add_learner(id, &address).await.unwrap();
    until_status(leader, "the learner has caught up", |status| {
        status.learners.contains_key(&id) && status.peers.contains_key(&id) && status.lag(id) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn learners_catch_up_and_are_made_voters_together() {
    let mut cluster = Cluster::start(3).await;
    let digest = cluster.put(b"before they came").await;
    for id in [4, 5] {
        learn(&mut cluster, id).await;
        until_has(cluster.registry(id), &digest).await;
    }
    let leader = cluster.leader().await;
    assert_eq!(voters(&leader.status()), set(1..=3), "a learner has no vote");
    leader.change_voters(set(1..=5), false).await.unwrap();
    let later = cluster.put(b"with five").await;
    for id in 1..=5 {
        let member = cluster.registry(id);
        until_has(member, &later).await;
        until_status(member, "five voters", |status| voters(status) == set(1..=5)).await;
        assert!(!member.status().joint);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_replaced_and_the_old_one_knows_it() {
    let mut cluster = Cluster::start(3).await;
    let digest = cluster.put(b"kept").await;
    let leader = cluster.leader().await.id();
    let gone = cluster.follower(leader).id();
    learn(&mut cluster, 4).await;
    let leads = cluster.registry(leader);
    retire(leads, gone).await;
    leads.remove(set([gone]), false).await.unwrap();
    let stay = set((1..=4).filter(|id| *id != gone));
    leads.change_voters(stay.clone(), false).await.unwrap();
    until_status(leads, "the new set", |status| voters(status) == stay && !status.joint).await;
    assert_eq!(leads.status().address(gone), None);
    let old = cluster.registry(gone);
    until_status(old, "the old member knows", |status| status.removed).await;
    let term = leads.status().term;
    cluster.put(b"and nobody was disturbed").await;
    assert_eq!(leads.status().term, term);
    until_has(cluster.registry(4), &digest).await;
    // It is sent nothing any more, and asks: else it would start again as what it was.
    let identity = cluster.config(gone).dir.join("IDENTITY");
    let noted = || async {
        let noted = std::fs::read_to_string(&identity).unwrap_or_default();
        noted.lines().any(|line| line == "removed").then_some(())
    };
    until("its directory says so", noted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_removed_while_it_was_down_is_told_once_and_disturbs_nobody() {
    let mut cluster = Cluster::start(3).await;
    cluster.put(b"first").await;
    let leader = cluster.leader().await.id();
    let gone = cluster.follower(leader).id();
    cluster.kill(gone).await;
    let leads = cluster.registry(leader);
    retire(leads, gone).await;
    leads.remove(set([gone]), false).await.unwrap();
    let term = leads.status().term;
    cluster.restart(gone).await;
    let old = cluster.registry(gone);
    until_status(old, "it is told", |status| status.removed).await;
    cluster.put(b"second").await;
    assert_eq!(cluster.registry(leader).status().term, term);

    // It has noted it, and asks nobody again.
    let identity = cluster.config(gone).dir.join("IDENTITY");
    until("it is noted", || async {
        std::fs::read_to_string(&identity)
            .unwrap()
            .lines()
            .any(|line| line == "removed")
            .then_some(())
    })
    .await;
    cluster.stop(gone).await;
    let again = Registry::start(cluster.config(gone), ClusterSecret::new(SECRET).unwrap()).await;
    let refused = again.unwrap_err();
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert!(why.contains(&format!("member {gone} was removed")), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_would_lose_the_quorum_is_refused() {
    let mut cluster = Cluster::start(3).await;
    cluster.put(b"first").await;
    let leader = cluster.leader().await.id();
    let down = cluster.follower(leader).id();
    let other = (1..=3).find(|id| ![leader, down].contains(id)).unwrap();
    cluster.kill(down).await;
    let leads = cluster.registry(leader);
    until_status(leads, "the silence is noticed", |status| {
        let heard = status.peers.get(&down).and_then(|peer| peer.heard);
        heard.is_some_and(|ago| ago.as_millis() > 2_400)
    })
    .await;
    // The leader may be looking at its members itself meanwhile.
    let refused = until("no other change is in progress", || async {
        let refused = leads.remove(set([other]), false).await.unwrap_err();
        (refused != ChangeError::InProgress).then_some(refused)
    })
    .await;
    assert_eq!(refused, ChangeError::QuorumAtRisk { healthy: 1, voters: 2, needed: 2 });
    assert_eq!(voters(&leads.status()), set(1..=3));
    leads.remove(set([down]), false).await.unwrap();
    cluster.put(b"two of two").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_make_no_sense_are_named() {
    let mut cluster = Cluster::start(1).await;
    cluster.put(b"first").await;
    let leads = cluster.leader().await;
    let many = leads.change_voters(set(1..=6), false).await.unwrap_err();
    assert_eq!(many, ChangeError::TooMany { what: "voters", bound: 5 });
    let stranger = leads.change_voters(set([1, 9]), false).await.unwrap_err();
    assert_eq!(stranger, ChangeError::NotAMember(9));
    assert_eq!(leads.transfer(Some(9)).await.unwrap_err(), ChangeError::NotAMember(9));
    leads.remove(set([9]), false).await.unwrap();
    assert!(matches!(leads.remove(set([1]), false).await, Err(ChangeError::NotLeader { .. })));
    let elsewhere = leads.add_learner(1, "http://127.0.0.1:1").await.unwrap_err();
    assert!(matches!(elsewhere, ChangeError::OtherAddress { id: 1, .. }));
    // A member that never answers is behind, and stays a learner.
    leads.add_learner(2, "http://127.0.0.1:1").await.unwrap();
    let behind = leads.change_voters(set([1, 2]), false).await.unwrap_err();
    assert_eq!(behind, ChangeError::Silent { id: 2 });
    learn(&mut cluster, 3).await;
    let learner = cluster.registry(3);
    let refused = learner.change_voters(set([1, 3]), false).await.unwrap_err();
    assert!(matches!(refused, ChangeError::NotLeader { leader: Some((1, _)) }));
    let proposed = learner.propose(Proposal { commands: vec![] }).await.unwrap_err();
    assert!(matches!(proposed, ProposeError::NotLeader { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_goes_to_a_member_that_keeps_up() {
    let cluster = Cluster::start(3).await;
    cluster.put(b"something to hand over").await;
    let old = cluster.leader().await.id();
    let heir = cluster.registry(old).transfer(None).await.unwrap();
    assert_ne!(heir, old);
    until_status(cluster.registry(heir), "the heir leads", |status| status.leader == Some(heir))
        .await;
}

pub(crate) async fn retire(leads: &registry_raft::Registry, id: u64) {
    let proposal = Proposal { commands: vec![Command::RetireMember(RetireMember { id })] };
    let replies = leads.propose(proposal).await.unwrap();
    assert!(matches!(replies[..], [Reply::Done(_)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_whose_removal_stopped_half_way_leads_if_no_other_can_and_hands_over() {
    let mut cluster = Cluster::start(3).await;
    cluster.put(b"first").await;
    let leader = cluster.leader().await.id();
    let gone = cluster.follower(leader).id();
    let stays = (1..=3).find(|id| ![leader, gone].contains(id)).unwrap();
    retire(cluster.registry(leader), gone).await;
    let member = cluster.registry(stays);
    until("it knows the number as retired", || async {
        let entry = query::member(&member.view().0, gone).unwrap();
        entry.is_some_and(|entry| entry.retired).then_some(())
    })
    .await;
    // The one that stays lags: it votes, and cannot be elected.
    cluster.kill(stays).await;
    let digest = cluster.put(b"acknowledged without it").await;
    until_has(cluster.registry(gone), &digest).await;
    cluster.kill(leader).await;
    cluster.restart(stays).await;
    let member = cluster.registry(stays);
    until_status(member, "it was handed over", |status| status.leader == Some(stays)).await;
    until_has(member, &digest).await;
    cluster.put(b"and writes go on").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_that_does_not_answer_gets_no_vote() {
    let mut cluster = Cluster::start(1).await;
    cluster.put(b"first").await;
    learn(&mut cluster, 2).await;
    cluster.kill(2).await;
    let leads = cluster.registry(1);
    until_status(leads, "the silence is noticed", |status| {
        let heard = status.peers.get(&2).and_then(|peer| peer.heard);
        heard.is_some_and(|ago| ago.as_millis() > 2_400)
    })
    .await;
    let refused = leads.change_voters(set([1, 2]), false).await.unwrap_err();
    assert_eq!(refused, ChangeError::Silent { id: 2 });
    assert_eq!(voters(&leads.status()), set([1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_another_member_has_is_refused() {
    let mut cluster = Cluster::start(1).await;
    cluster.put(b"first").await;
    learn(&mut cluster, 2).await;
    let leads = cluster.registry(1);
    for id in [1, 2] {
        let address = cluster.addresses[&id].clone();
        for written in [address.clone(), format!("{address}/")] {
            let refused = leads.add_learner(7, &written).await.unwrap_err();
            assert_eq!(refused, ChangeError::AddressTaken { id, address: address.clone() });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_another_cluster_gets_no_vote_and_keeps_its_own() {
    let (one, other) = (Cluster::start(1).await, Cluster::lone(9).await);
    for (cluster, seed) in [(&one, b"one".as_slice()), (&other, b"other")] {
        let seed = proto_types::Digest::of(seed);
        let open = Command::Log(LogCommand::OpenLog(OpenLog { seed }));
        cluster.leader().await.propose(Proposal { commands: vec![open] }).await.unwrap();
    }
    let kept = other.put(b"of the other cluster").await;
    let leads = one.registry(1);
    leads.add_learner(9, &other.addresses[&9]).await.unwrap();
    for force in [false, true] {
        let refused = crate::cluster::until("it is found out", || async {
            let change = leads.change_voters(set([1, 9]), force).await;
            change.err().filter(|why| matches!(why, ChangeError::Refuses { id: 9, .. }))
        });
        // Before its first refusal it is silent, and only then can a vote be forced upon it.
        if force {
            let refused = refused.await;
            assert!(refused.to_string().contains("another cluster"), "{refused}");
        } else {
            refused.await;
        }
    }
    assert_eq!(voters(&leads.status()), set([1]));
    assert_eq!(other.registry(9).status().leader, Some(9));
    until_has(other.registry(9), &kept).await;
    leads.remove(set([9]), true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_that_was_killed_amid_a_snapshot_is_removed() {
    let mut cluster = Cluster::start_with(3, |config| {
        config.snapshot_every_logs = 10;
        config.logs_kept = 0;
    })
    .await;
    for write in 0..24u8 {
        cluster.put(&vec![write; 900_000]).await;
    }
    let leader = cluster.leader().await.id();
    until_status(cluster.registry(leader), "its log is purged", |status| status.purged.is_some())
        .await;
    let address = cluster.newcomer(4).await;
    cluster.registry(leader).add_learner(4, &address).await.unwrap();
    let incoming = cluster.config(4).dir.join("snapshots/incoming/db");
    let learner = cluster.registry(4);
    crate::cluster::until("it is sent a snapshot", || async {
        // It may come in one piece.
        (incoming.exists() || learner.status().snapshot.is_some()).then_some(())
    })
    .await;
    cluster.kill(4).await;
    let leads = cluster.registry(leader);
    retire(leads, 4).await;
    leads.remove(set([4]), false).await.unwrap();
    assert_eq!(leads.status().address(4), None);
    cluster.put(b"and the cluster goes on").await;
}
