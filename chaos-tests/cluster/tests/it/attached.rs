//! Agents that the official SDKs serve, attached by the command line, and called by the official SDKs through a gateway.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chaos_cluster::peer::{Peer, message};
use chaos_cluster::sdk::{self, Sdk, Server};
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, web};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::sdk_interop::SPOKEN;

/// What a gateway speaks to the agents that are attached to it.
const FORMS: [(&str, &str); 4] =
    [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "0.3")];

/// What it speaks besides, to the server of the Python SDK: that of the JavaScript SDK takes packages which that does not bring.
const GRPC: (&str, &str) = ("GRPC", "1.0");

/// Every third of those who call calls an agent; among them are both SDKs and both versions, whichever is the first.
const EVERY: usize = 3;

/// Calls of the same agent while one of its replicas is gone.
const CALLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_call_each_other_through_a_gateway_in_each_form() -> Result<()> {
    let servers = [Server::start(Sdk::Python)?, Server::start(Sdk::JavaScript)?];
    let (mut world, peer) = registry().await?;
    let mut attached = Vec::new();
    for (by, server) in servers.iter().enumerate() {
        let forms = FORMS.into_iter().chain((by == 0).then_some(GRPC));
        for (form, (binding, version)) in forms.enumerate() {
            let handle = format!("echo-{by}-{form}");
            world.cli(&["agent", "attach", &handle, server.agent(binding, version)?])?;
            attached.push((handle, (by + form) % EVERY));
        }
    }
    // A gateway that is ready knows the agents of before.
    world.add_gateway("g1").await?;
    for (handle, first) in &attached {
        called(&world, &peer, handle, *first).await?;
    }
    let (removed, kept) = (&attached[0].0, &attached[1].0);
    world.cli(&["agent", "remove", removed])?;
    gone(&world, &peer, removed).await?;
    let answer = peer.rpc(&world.gateways[0].url, kept, "SendMessage", message("x", None)).await?;
    assert_eq!(state(&answer.json()?), "TASK_STATE_COMPLETED", "the others stay");
    world.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_to_the_replica_that_is_left() -> Result<()> {
    let (first, second) = (Server::start(Sdk::Python)?, Server::start(Sdk::Python)?);
    let (mut world, peer) = registry().await?;
    let urls = [first.agent("JSONRPC", "1.0")?, second.agent("JSONRPC", "1.0")?];
    world.cli(&["agent", "attach", "echo", urls[0], urls[1]])?;
    world.add_gateway("g1").await?;
    drop(first);
    for _ in 0..CALLS {
        let gateway = &world.gateways[0].url;
        let answer = peer.rpc(gateway, "echo", "SendMessage", message("x", None)).await?;
        assert_eq!(state(&answer.json()?), "TASK_STATE_COMPLETED");
    }
    world.stop()
}

/// A registry of one member, and a peer that is enrolled there.
async fn registry() -> Result<(World, Peer)> {
    let world = World::registry(1).await?;
    let peer = Peer::new("https://a.example")?;
    peer.enrol(&world.operator().await?).await?;
    peer.write_key(&world.path("peer.json"))?;
    Ok((world, peer))
}

/// Everything that is served of an attached agent, asked for by every third caller beginning with this one, all at once.
async fn called(world: &World, peer: &Peer, handle: &str, first: usize) -> Result<()> {
    let mut calls = JoinSet::new();
    for (by, binding, version) in SPOKEN.into_iter().skip(first).step_by(EVERY) {
        let agent = format!("{}/agents/{handle}", world.gateways[0].url);
        let (key, issuer) = (world.path("peer.json"), peer.origin.to_string());
        calls.spawn_blocking(move || {
            let steps = sdk::calls(by, &agent, (&key, &issuer), (binding, version));
            ((by, binding, version), steps)
        });
    }
    while let Some(done) = calls.join_next().await {
        let (caller, steps) = done?;
        assert_eq!(steps?, all_steps(caller.2), "{handle} by {caller:?}");
    }
    Ok(())
}

/// What is printed where all goes well. Tasks of attached agents are not listed, and 0.3 has no lists.
fn all_steps(version: &str) -> Vec<Value> {
    let (completed, canceled) = ("TASK_STATE_COMPLETED", "TASK_STATE_CANCELED");
    let steps = [
        Some(json!({ "step": "stream", "last": completed, "keywords": true })),
        Some(json!({ "step": "send", "state": completed, "artifacts": 2 })),
        Some(json!({ "step": "get", "same": true, "history": 1 })),
        (version == "1.0")
            .then(|| json!({ "step": "list", "refused": "UnsupportedOperationError" })),
        Some(json!({ "step": "card", "name": "Echo", "asked": true })),
        Some(json!({
            "step": "errors", "over": "TaskNotCancelableError", "unknown": "TaskNotFoundError",
        })),
        Some(json!({ "step": "cancel", "state": canceled, "told": canceled })),
        Some(json!({
            "step": "ask", "state": "TASK_STATE_INPUT_REQUIRED", "then": completed, "same": true,
        })),
    ];
    steps.into_iter().flatten().collect()
}

/// Waits until the gateway has heard that the agent is removed: it has no card and takes no call.
async fn gone(world: &World, peer: &Peer, handle: &str) -> Result<()> {
    let gateway = &world.gateways[0].url;
    let card = format!("{gateway}/agents/{handle}/.well-known/agent-card.json");
    let until = Instant::now() + PATIENCE;
    while web::get(&card, None).await?.status != 404 {
        ensure!(Instant::now() < until, "the gateway never hears that {handle} is gone");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = peer.rpc(gateway, handle, "SendMessage", message("x", None)).await?;
    assert_eq!(answer.status, 404, "{:?}", answer.body);
    Ok(())
}

/// That of the task in an answer to SendMessage.
fn state(answer: &Value) -> &str {
    answer["result"]["task"]["status"]["state"].as_str().unwrap_or_default()
}
