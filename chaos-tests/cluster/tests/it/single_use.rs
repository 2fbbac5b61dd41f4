//! A token is good for one request, across gateways and a change of leader (attack case 5).

use std::sync::Arc;

use anyhow::{Context as _, Result};
use chaos_cluster::World;
use chaos_cluster::peer::{Peer, message};
use chaos_cluster::process::Signal;
use chaos_cluster::web;
use http::Method;
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

/// Sends of one bound token: as many at once as one process has connections to spare, until there were a thousand.
const SENDERS: usize = 100;
const SENDS_EACH: usize = 10;
const PATH: &str = "/v1/a2a/jsonrpc";
const ASK: &str = r#"{"id":1,"jsonrpc":"2.0","method":"GetTask","params":{"id":"none"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_sent_a_thousand_times_passes_once_and_never_after_its_boot() -> Result<()> {
    let mut world = World::registry(3).await?;
    for gateway in ["g1", "g2", "g3"] {
        world.add_gateway(gateway).await?;
    }
    let peer = Peer::new("https://a.example")?;
    peer.enrol(&world.operator().await?).await?;
    knows(&world, &peer).await?;
    hand_on(&world, &peer).await?;
    let audience = world.gateways[0].url.clone();
    let bound = |nonce: &str| peer.bound_token(&audience, nonce, PATH, ASK.as_bytes());
    for holder in 0..world.gateways.len() {
        let token = bound(&nonce(&world.gateways[holder].url).await?)?;
        assert_eq!(send_often(&world, &token).await?, 1, "bound to gateway {holder}");
    }
    // The memory of a gateway dies with it, and its tokens too, in the middle of being sent.
    let token = bound(&nonce(&world.gateways[1].url).await?)?;
    let sends = send_often(&world, &token);
    let process = world.gateways[1].process.as_ref().context("up")?;
    let killed = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        process.signal(Signal::KILL)
    };
    let (passed, killed) = tokio::join!(sends, killed);
    killed?;
    assert!(passed? <= 1, "a token passed twice");
    world.gateways[1].process.take().context("up")?.kill_9()?;
    world.start_gateway(1).await?;
    assert_eq!(send_often(&world, &token).await?, 0, "its boot is gone");
    world.stop()
}

/// A nonce of this gateway, as it tells who shows nothing.
async fn nonce(gateway: &str) -> Result<String> {
    let answer = web::post(&format!("{gateway}{PATH}"), None, &json!({})).await?;
    let nonce = answer.headers.get("federation-nonce").context("no nonce is given")?;
    Ok(nonce.to_str()?.to_owned())
}

/// Sends one token over all gateways; how often it passed. A gateway that is down passes none.
async fn send_often(world: &World, token: &str) -> Result<usize> {
    let urls: Arc<Vec<String>> =
        Arc::new(world.gateways.iter().map(|gateway| format!("{}{PATH}", gateway.url)).collect());
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (urls, token) = (Arc::clone(&urls), token.to_owned());
        senders.spawn(async move {
            let mut passed = 0;
            for at in 0..SENDS_EACH {
                let url = &urls[(sender + at) % urls.len()];
                passed += usize::from(passes(url, &token).await);
            }
            passed
        });
    }
    let mut passed = 0;
    while let Some(sender) = senders.join_next().await {
        passed += sender?;
    }
    Ok(passed)
}

async fn passes(url: &str, token: &str) -> bool {
    let answer = web::call(Method::POST, url, Some(token), ASK.into()).await;
    let said = answer.and_then(|answer| answer.json());
    said.is_ok_and(|answer| answer["error"]["code"] == -32001)
}

/// Waits until each gateway hands on what is bound to another one.
async fn hand_on(world: &World, peer: &Peer) -> Result<()> {
    let until = std::time::Instant::now() + chaos_cluster::world::PATIENCE;
    for from in &world.gateways {
        for to in &world.gateways {
            loop {
                let nonce = nonce(&to.url).await?;
                let token =
                    peer.bound_token(&world.gateways[0].url, &nonce, PATH, ASK.as_bytes())?;
                if passes(&format!("{}{PATH}", from.url), &token).await {
                    break;
                }
                let late = std::time::Instant::now() > until;
                anyhow::ensure!(!late, "{} hands nothing to {}", from.name, to.name);
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    Ok(())
}

/// Waits until all gateways have heard of the peer.
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
