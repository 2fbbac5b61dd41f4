//! A peer rotates its key under load, loses one, is suspended, recovers: what two gateways make of it
//! (attack cases 10 and 11). The owner's side is the command line.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::World;
use chaos_cluster::peer::Peer;
use chaos_cluster::web;
use proto_types::Kid;
use serde_json::{Value, json};

const ORIGIN: &str = "https://a.example";

/// What is promised: revoked means refused within this (security.md, "Always true", 6).
const REVOKED_WITHIN: Duration = Duration::from_secs(60);

/// Calls with each key in the overlap, over both gateways.
const CALLS: usize = 40;

/// Tokens under key names that were made up.
const FLOOD: usize = 200;

/// Whether a gateway takes a token of this key. GetTask of an unknown task needs no node.
async fn passes(world: &World, gateway: usize, peer: &Peer) -> Result<bool> {
    let token = peer.token(&world.gateways[0].url)?;
    let url = format!("{}/v1/a2a/jsonrpc", world.gateways[gateway].url);
    let rpc = json!({ "jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": { "id": "none" } });
    let answer = web::post(&url, Some(&token), &rpc).await?;
    match answer.status {
        401 => Ok(false),
        _ => {
            let code = answer.json()?["error"]["code"].clone();
            ensure!(code == -32001, "neither taken nor refused: {code}");
            Ok(true)
        }
    }
}

/// Waits until both gateways take, or refuse, a key; how long the slower one took.
async fn until(world: &World, peer: &Peer, taken: bool) -> Result<Duration> {
    let began = Instant::now();
    for gateway in 0..world.gateways.len() {
        while passes(world, gateway, peer).await? != taken {
            ensure!(began.elapsed() < REVOKED_WITHIN, "gateway {gateway} does not hear of it");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(began.elapsed())
}

/// A peer of the same origin with another key, and the key's file.
fn with_key(world: &World, name: &str) -> Result<(Peer, String)> {
    let mut peer = Peer::new(ORIGIN)?;
    peer.kid = Kid::parse(name)?;
    let path = world.path(&format!("{name}.json"));
    peer.write_key(&path)?;
    Ok((peer, path.to_str().context("UTF-8")?.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn case_10_and_11_keys_overlap_under_load_and_revoked_ones_are_refused_in_time() -> Result<()>
{
    let mut world = World::registry(3).await?;
    for gateway in ["g1", "g2"] {
        world.add_gateway(gateway).await?;
    }
    let (old, old_file) = with_key(&world, "k1")?;
    let (new, new_file) = with_key(&world, "k2")?;
    let (_, recovery_file) = with_key(&world, "r1")?;
    world.cli(&["peer", "enrol", ORIGIN, "--key", &old_file, "--recovery-key", &recovery_file])?;
    until(&world, &old, true).await?;

    // Case 10: neither key is refused while they overlap, whatever names others make up.
    let rotate = ["peer", "rotate", ORIGIN, "--key", &old_file, "--new-key", &new_file];
    world.cli(&[&rotate[..], &["--overlap-seconds", "600"]].concat())?;
    let known = until(&world, &new, true).await?;
    let mut stranger = Peer::new(ORIGIN)?;
    for at in 0..CALLS {
        for _ in 0..FLOOD / CALLS {
            stranger.kid = Kid::parse(&uuid::Uuid::now_v7().to_string())?;
            ensure!(!passes(&world, at % 2, &stranger).await?, "a made-up key passes");
        }
        ensure!(passes(&world, at % 2, &old).await?, "the old key is refused at call {at}");
        ensure!(passes(&world, at % 2, &new).await?, "the new key is refused at call {at}");
    }

    // Case 11: a revoked key, then the whole peer.
    world.cli(&["peer", "revoke-key", ORIGIN, "--key", &new_file, "--kid", "k1"])?;
    let key = until(&world, &old, false).await?;
    ensure!(passes(&world, 0, &new).await?, "the other key goes on");
    world.cli(&["peer", "suspend", ORIGIN, "--reason", "a test"])?;
    let peer = until(&world, &new, false).await?;
    world.cli(&["peer", "resume", ORIGIN])?;
    until(&world, &new, true).await?;
    println!(
        "known after {known:?}, revoked key refused after {key:?}, suspended peer after {peer:?}"
    );

    // k2 is stolen: the thief makes k6 the only key, and the owner takes the peer back.
    let stood: Value = log(&world)?;
    let after = stood["head"].as_str().context("a head")?;
    let (thief, thief_file) = with_key(&world, "k6")?;
    let theft = ["peer", "rotate", ORIGIN, "--key", &new_file, "--new-key", &thief_file];
    world.cli(&[&theft[..], &["--overlap-seconds", "0"]].concat())?;
    until(&world, &thief, true).await?;
    let (own, own_file) = with_key(&world, "k3")?;
    let recover = ["peer", "recover", ORIGIN, "--recovery-key", &recovery_file];
    world.cli(&[&recover[..], &["--key", &own_file, "--after", after]].concat())?;
    until(&world, &thief, false).await?;
    until(&world, &own, true).await?;
    let replayed = log(&world)?;
    ensure!(replayed["verified"] == true, "{replayed}");
    let voided = replayed["entries"].as_array().context("entries")?.iter();
    let voided = voided.filter(|entry| !entry["voidedBy"].is_null()).count();
    ensure!(voided == 1, "the thief's rotation alone is void: {replayed}");
    world.stop()
}

fn log(world: &World) -> Result<Value> {
    let said = world.cli(&["--output", "json", "peer", "log", ORIGIN, "--verify"])?;
    Ok(serde_json::from_str(&said)?)
}
