//! A token is good for one request, across gateways and a change of leader (attack case 5).

use anyhow::{Context as _, Result};
use chaos_cluster::World;
use chaos_cluster::peer::{Peer, message};
use chaos_cluster::web;
use serde_json::json;
use tokio::task::JoinSet;

/// Tokens sent, each eight times at once over two gateways.
const TOKENS: usize = 60;
const SENDS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_sent_many_times_over_two_gateways_is_spent_once_even_when_the_leader_dies()
-> Result<()> {
    let mut world = World::registry(3).await?;
    for gateway in ["g1", "g2"] {
        world.add_gateway(gateway).await?;
    }
    let peer = Peer::new("https://a.example")?;
    peer.enrol(&world.operator().await?).await?;
    knows(&world, &peer).await?;
    let mut fresh = 0;
    for round in 0..TOKENS {
        if round == TOKENS / 2 {
            let leader = world.leader().await?;
            world.members[leader].process.take().context("up")?.kill_9()?;
        }
        let passed = send(&world, &peer).await?;
        assert!(passed <= 1, "a token passed {passed} times in round {round}");
        fresh += passed;
    }
    // Most rounds fall outside the election; in it a token is lost, never doubled.
    assert!(fresh > TOKENS / 2, "only {fresh} of {TOKENS} tokens passed at all");
    world.stop()
}

/// Sends one token from everywhere at once; how often it passed the gateway's checks.
///
/// GetTask of an unknown task needs no node: it answers TaskNotFound exactly when the token was accepted.
async fn send(world: &World, peer: &Peer) -> Result<usize> {
    let audience = world.gateways[0].url.clone();
    let token = peer.token(&audience)?;
    let mut sends = JoinSet::new();
    for at in 0..SENDS {
        let url = format!("{}/v1/a2a/jsonrpc", world.gateways[at % world.gateways.len()].url);
        let token = token.clone();
        sends.spawn(async move {
            let rpc = json!({ "jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": { "id": "none" } });
            web::post(&url, Some(&token), &rpc).await
        });
    }
    let mut passed = 0;
    while let Some(answer) = sends.join_next().await {
        let answer = answer??;
        passed += usize::from(answer.json().is_ok_and(|answer| answer["error"]["code"] == -32001));
    }
    Ok(passed)
}

/// Waits until both gateways have heard of the peer.
async fn knows(world: &World, peer: &Peer) -> Result<()> {
    for gateway in &world.gateways {
        let until = std::time::Instant::now() + chaos_cluster::world::PATIENCE;
        loop {
            let token = peer.token(&world.gateways[0].url)?;
            let rpc = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": message("x", None) });
            let answer =
                web::post(&format!("{}/v1/a2a/jsonrpc", gateway.url), Some(&token), &rpc).await?;
            if answer.status != 401 {
                break;
            }
            anyhow::ensure!(
                std::time::Instant::now() < until,
                "{} never hears of the peer",
                gateway.name
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    Ok(())
}
