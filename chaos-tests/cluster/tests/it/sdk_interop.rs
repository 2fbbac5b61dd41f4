//! The official SDKs, unchanged, against a hosted agent.

use anyhow::{Context as _, Result};
use chaos_cluster::sdk::Sdk;
use chaos_cluster::world::AGENT;
use chaos_cluster::{World, sdk};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_calls_and_streams_from_a_hosted_agent() -> Result<()> {
    let (world, peer) = World::platform(1, &["n1"]).await?;
    peer.write_key(&world.path("peer.json"))?;
    for streaming in [false, true] {
        let base = format!("{}/agents/{AGENT}", world.gateways[0].url);
        let (key, issuer) = (world.path("peer.json"), peer.origin.to_string());
        let call = move || sdk::call(&base, &key, &issuer, "One sentence. And two.", streaming);
        let events = tokio::task::spawn_blocking(call).await??;
        let last = events.last().context("no event")?;
        let state = if streaming {
            &last["statusUpdate"]["status"]["state"]
        } else {
            &last["task"]["status"]["state"]
        };
        assert_eq!(*state, json!("TASK_STATE_COMPLETED"), "{events:?}");
        assert!(json!(events).to_string().contains("keywords"), "{events:?}");
    }
    world.stop()
}

/// What each SDK speaks of what an agent's card names. That of JavaScript needs a package more for gRPC, which is not installed.
pub(crate) const SPOKEN: [(Sdk, &str, &str); 9] = [
    (Sdk::Python, "GRPC", "1.0"),
    (Sdk::Python, "HTTP+JSON", "1.0"),
    (Sdk::Python, "JSONRPC", "1.0"),
    (Sdk::Python, "HTTP+JSON", "0.3"),
    (Sdk::Python, "JSONRPC", "0.3"),
    (Sdk::JavaScript, "HTTP+JSON", "1.0"),
    (Sdk::JavaScript, "JSONRPC", "1.0"),
    (Sdk::JavaScript, "HTTP+JSON", "0.3"),
    (Sdk::JavaScript, "JSONRPC", "0.3"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdks_do_all_that_is_served_over_each_binding_and_version() -> Result<()> {
    let (world, peer) = World::platform(1, &["n1"]).await?;
    peer.write_key(&world.path("peer.json"))?;
    for (before, (by, binding, version)) in SPOKEN.into_iter().enumerate() {
        let agent = format!("{}/agents/{AGENT}", world.gateways[0].url);
        let (key, issuer) = (world.path("peer.json"), peer.origin.to_string());
        let calls = move || sdk::calls(by, &agent, (&key, &issuer), (binding, version));
        let steps = tokio::task::spawn_blocking(calls).await??;
        // Each has three tasks, and lists when it has two.
        let expected = all_steps(version, 3 * before + 2);
        assert_eq!(steps, expected, "{by:?}, {binding} {version}");
    }
    world.stop()
}

/// What is printed where all goes well; 0.3 has no lists.
fn all_steps(version: &str, tasks: usize) -> Vec<Value> {
    let (completed, canceled) = ("TASK_STATE_COMPLETED", "TASK_STATE_CANCELED");
    let list = json!({ "step": "list", "page": 1, "total": tasks, "more": true });
    let steps = [
        Some(json!({ "step": "stream", "last": completed, "keywords": true })),
        Some(json!({ "step": "send", "state": completed, "artifacts": 2 })),
        Some(json!({ "step": "get", "same": true, "history": 1 })),
        (version == "1.0").then_some(list),
        Some(json!({ "step": "card", "name": "Text statistics", "asked": true })),
        Some(json!({
            "step": "errors", "over": "TaskNotCancelableError", "unknown": "TaskNotFoundError",
        })),
        Some(json!({ "step": "cancel", "state": canceled, "told": canceled })),
    ];
    steps.into_iter().flatten().collect()
}
