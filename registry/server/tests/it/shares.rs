//! Shares of peers' quotas: the leader leases them to gateways, from its memory.

use proto_types::metadata::LEADER_KEY;
use proto_wire::registry::v1 as wire;

use crate::cluster::roles;
use crate::world::{OPERATOR, World, by, eventually, refused};

const PEER: &str = "https://a.example";

fn wants(milli_per_second: u32) -> wire::LeaseSharesRequest {
    let demand = wire::PeerDemand { peer: PEER.to_owned(), milli_per_second };
    let peers = vec![PEER.to_owned()];
    wire::LeaseSharesRequest { demands: vec![demand], peers, applied: None }
}

async fn last_log(world: &World) -> u64 {
    let status = world.directory().status(wire::StatusRequest::default()).await.unwrap();
    status.into_inner().last_log_index
}

type Leased = Result<tonic::Response<wire::LeaseSharesReply>, tonic::Status>;

async fn lease(world: &World, credential: &str, milli_per_second: u32) -> Leased {
    world.fleet().lease_shares(by(credential, wants(milli_per_second))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_are_leased_by_the_leader_alone_and_nothing_is_written() {
    let worlds = World::three_with(|_| ()).await;
    let (leading, following) = roles(&worlds).await;
    let (leader, follower) = (&worlds[leading], &worlds[following]);
    let (one, two) = (leader.gateway("g1").await, leader.gateway("g2").await);
    let elsewhere = lease(follower, &one, 1).await;
    let named = elsewhere.as_ref().unwrap_err().metadata().get(LEADER_KEY).cloned();
    assert_eq!(named.unwrap().to_str().unwrap(), format!("http://{}", leader.addr));
    refused("at a member that does not lead", elsewhere, "not-leader");
    refused("an operator", lease(leader, OPERATOR, 1).await, "permission-denied");
    let leased = eventually("both gateways, and a leader that has heard long enough", || async {
        let both = [lease(leader, &one, 8_000).await.ok()?, lease(leader, &two, 0).await.ok()?];
        let both = both.map(tonic::Response::into_inner);
        both.iter().all(|reply| reply.settled && reply.gateways == 2).then_some(both)
    })
    .await;
    assert!(leased.iter().all(|reply| reply.newcomers == [PEER]), "nothing was seen of it yet");
    for reply in &leased {
        let ids: Vec<_> = reply.registered.iter().map(|gateway| gateway.id.as_str()).collect();
        assert_eq!(ids, ["g1", "g2"], "each gateway is told where the others are");
        assert!(reply.registered.iter().all(|gateway| gateway.endpoint.starts_with("http")));
    }
    let before = last_log(leader).await;
    let most = lease(leader, &one, 8_000).await.unwrap().into_inner().shares;
    let least = lease(leader, &two, 0).await.unwrap().into_inner().shares;
    assert_eq!(last_log(leader).await, before);
    let share = |shares: &[wire::PeerShare]| shares.iter().map(|it| it.millionths).sum::<u32>();
    assert!(share(&most) > 800_000 && share(&least) > 0, "{most:?} {least:?}");
    assert!(share(&most) + share(&least) <= 1_000_000, "{most:?} {least:?}");
    told(leader, follower, &one).await;
    for world in worlds {
        world.stop().await;
    }
}

/// What a gateway reports of itself is shown to operators, by the leader alone.
async fn told(leader: &World, follower: &World, credential: &str) {
    let cut_off = wire::CutOff { peer: PEER.to_owned(), streams: 2, calls: 1, open: 3 };
    let applied = wire::Applied { epoch: 0, revision: 7, cut_off: vec![cut_off] };
    let report = |applied| wire::LeaseSharesRequest { applied: Some(applied), ..wants(1) };
    leader.fleet().lease_shares(by(credential, report(applied.clone()))).await.unwrap();
    let list = wire::ListRequest::default;
    let listed = leader.fleet().list_gateways(by(OPERATOR, list())).await.unwrap().into_inner();
    let [one, two] = &listed.gateways[..] else { panic!("{listed:?}") };
    assert_eq!((one.id.as_str(), one.heard, one.applied.as_ref()), ("g1", true, Some(&applied)));
    assert_eq!((two.id.as_str(), two.heard), ("g2", true));
    assert!(one.silent_ms <= two.silent_ms, "{listed:?}");
    let wrong = wire::CutOff { peer: "a.example".to_owned(), ..Default::default() };
    let wrong = wire::Applied { cut_off: vec![wrong], ..Default::default() };
    let wrong = leader.fleet().lease_shares(by(credential, report(wrong))).await;
    refused("no origin", wrong, "invalid-argument");
    let elsewhere = follower.fleet().list_gateways(by(OPERATOR, list())).await;
    refused("at a member that does not lead", elsewhere, "not-leader");
    let machine = leader.fleet().list_gateways(by(credential, list())).await;
    refused("a gateway", machine, "permission-denied");
}
