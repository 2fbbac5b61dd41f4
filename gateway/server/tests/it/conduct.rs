//! What the gateway tells the registry of its peers: who calls well is found, who does not is not, and what others send
//! in a peer's name changes nothing. The window is a real minute, so this takes one.

use std::time::Duration;

use http::StatusCode;
use proto_types::SecretKey;
use proto_types::card::jws;
use proto_types::token::mint;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::search_client::SearchClient;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::world::{OPERATOR, Peer, World, by, json_of};

const PUBLISH: &str = "/v1/publish";
const RPC: &str = "/agents/echo";

/// Two windows, and what it takes to report them.
const WINDOW: Duration = Duration::from_secs(150);

fn envelope(peer: &Peer, number: usize) -> String {
    let envelope = json!({"v": 1, "correlationId": format!("corr-{number:04}"),
        "sourceOrigin": peer.origin, "targetHandle": "urn:agent:b", "payload": {}});
    envelope.to_string()
}

/// A card that the peer has signed, under its name.
async fn publish(world: &World, handle: &str, peer: &Peer) {
    let card = json!({
        "name": handle, "description": "an agent", "version": "1",
        "supportedInterfaces": [{
            "url": "https://a.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true },
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": "s", "name": "s", "description": "s", "tags": ["t"] }],
    });
    let document = jws::sign(&card, &"k1".parse().unwrap(), &peer.key).unwrap().into_bytes();
    let request = wire::PutCardRequest {
        handle: handle.to_owned(),
        document: document.into(),
        owner: peer.origin.clone(),
        ..Default::default()
    };
    DirectoryClient::new(world.channel.clone()).put_card(request).await.unwrap();
}

async fn found(world: &World, least: f64) -> Vec<String> {
    let request = wire::SearchAgentsRequest {
        kinds: vec!["card".to_owned()],
        min_reputation: least,
        ..Default::default()
    };
    let mut search = SearchClient::new(world.channel.clone());
    let page = search.search_agents(request).await.unwrap().into_inner();
    page.hits.into_iter().map(|hit| hit.handle).collect()
}

async fn reputation(world: &World, peer: &Peer) -> wire::PeerReputation {
    let origin = peer.origin.clone();
    let request = wire::GetPeerReputationRequest { origin, consistency: 0 };
    let mut directory = DirectoryClient::new(world.channel.clone());
    directory.get_peer_reputation(by(OPERATOR, request)).await.unwrap().into_inner()
}

/// Twelve calls that are answered; the credential of the last.
async fn call_well(world: &World, peer: &Peer) -> http::HeaderValue {
    let mut credential = None;
    for number in 0..12 {
        let request = world.gateway.request(peer, PUBLISH, &envelope(peer, number));
        credential = request.headers().get("authorization").cloned();
        assert_eq!(world.gateway.send(request).await.status(), StatusCode::ACCEPTED);
    }
    credential.unwrap()
}

/// What anybody can send in the name of a peer: its spent token with junk, and tokens of another key.
async fn slander(world: &World, peer: &Peer, spent: &http::HeaderValue) {
    let stranger = SecretKey::from_seed(&[99; 32]);
    for _ in 0..20 {
        let mut replay = world.gateway.request(peer, RPC, "{");
        replay.headers_mut().insert("authorization", spent.clone());
        let reply = json_of(&world.gateway.send(replay).await);
        assert_eq!(reply["error"]["code"], -32700, "{reply}");
        let mut forged = world.gateway.request(peer, RPC, "{");
        let token = mint(&world.gateway.claims(peer), None, &stranger);
        forged.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        assert_eq!(world.gateway.send(forged).await.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_calls_well_is_found_by_it_and_slander_changes_nothing() {
    let world = World::start().await;
    let (good, bad) = (Peer::new("a", 1), Peer::new("c", 3));
    publish(&world, "good", &good).await;
    publish(&world, "bad", &bad).await;
    let spent = call_well(&world, &good).await;
    slander(&world, &good, &spent).await;
    call_well(&world, &bad).await;
    for _ in 0..12 {
        let junk = json_of(&world.gateway.post(&bad, RPC, "{").await);
        assert_eq!(junk["error"]["code"], -32700, "{junk}");
    }
    assert_eq!(found(&world, 0.1).await, [""; 0], "nothing is reported before the minute ends");
    let reported = timeout(WINDOW, async {
        // The minute may end in between; then it takes two.
        while reputation(&world, &bad).await.bad_millionths < 4_900_000
            || reputation(&world, &good).await.good_millionths < 9_900_000
        {
            sleep(Duration::from_millis(200)).await;
        }
    });
    reported.await.expect("the report comes within two windows");
    assert_eq!(found(&world, 0.7).await, ["good"]);
    let (good, bad) = (reputation(&world, &good).await, reputation(&world, &bad).await);
    assert_eq!(good.bad_millionths, 0, "{good:?}");
    assert!(bad.score_millionths < 500_000, "{bad:?}");
    assert_eq!(good.lines[0].reporter, "g1");
}
