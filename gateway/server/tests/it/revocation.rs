//! What an operator is told who lets a peer in no more: how far each gateway is, and what has ended there.

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use serde_json::json;

use crate::calls::waiting;
use crate::node::Node;
use crate::streams::Stream;
use crate::world::{OPERATOR, Peer, World, by, eventually, json_of, message, revoke, rpc, suspend};

const RPC: &str = "/agents/echo";

fn a() -> Peer {
    Peer::new("a", 1)
}

/// What the registry has heard of the gateway, once it has heard that it knows the peer as it is now.
async fn applied(world: &World) -> wire::Applied {
    let mut directory = DirectoryClient::new(world.channel.clone());
    let peer = wire::GetPeerRequest { origin: a().origin, consistency: 1 };
    let peer = directory.get_peer(by(OPERATOR, peer)).await.unwrap().into_inner();
    eventually("what the gateway reports", || async {
        let list = by(OPERATOR, wire::ListRequest::default());
        let listed = world.fleet().list_gateways(list).await.unwrap().into_inner();
        let [gateway] = &listed.gateways[..] else { panic!("{listed:?}") };
        assert_eq!(gateway.id, "g1");
        let applied = gateway.applied.clone()?;
        let is_there = applied.epoch == listed.epoch && applied.revision >= peer.revision;
        let is_over = applied.cut_off.iter().all(|cut_off| cut_off.open == 0);
        (is_there && is_over).then_some(applied)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_revokes_a_peer_is_told_when_each_gateway_acts_on_it_and_what_has_ended_there() {
    let world = World::start().await;
    let mut node = Node::join(&world).await;
    let mut stream = Stream::open(&world, &a()).await;
    stream.event().await.unwrap();
    node.take().await;
    let mut other = message("hi");
    other["message"]["messageId"] = json!("m2");
    let (peer, body) = (a(), rpc("SendMessage", other).to_string());
    let called = world.gateway.post(&peer, RPC, &body);
    let revoked = async {
        waiting(&world, 2).await;
        revoke(&world.channel, &a()).await;
        applied(&world).await
    };
    let ended = async {
        let answer = stream.answer().await.unwrap();
        assert_eq!(answer["error"]["code"], -32040, "{answer}");
        assert_eq!(stream.answer().await, None);
    };
    let (answer, applied, ()) = tokio::join!(called, revoked, ended);
    assert_eq!(json_of(&answer)["error"]["code"], -32040);
    let ended = wire::CutOff { peer: a().origin, streams: 1, calls: 1, open: 0 };
    assert_eq!(applied.cut_off, [ended]);
    let refused = world.gateway.call(&a(), RPC, "GetTask", json!({"id": "t"})).await;
    assert_eq!(refused["error"]["code"], -32040, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_let_in_again_is_cut_off_no_more() {
    let world = World::start().await;
    suspend(&world.channel, &a()).await;
    let cut_off = applied(&world).await.cut_off;
    assert_eq!(cut_off, [wire::CutOff { peer: a().origin, ..Default::default() }]);
    let standing = "active".to_owned();
    let request =
        wire::SetPeerStandingRequest { origin: a().origin, standing, reason: String::new() };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.set_peer_standing(by(OPERATOR, request)).await.unwrap();
    let cut_off = applied(&world).await.cut_off;
    assert!(cut_off.is_empty(), "{cut_off:?}");
}
