//! The official Python SDK, unchanged, against a hosted agent.

use anyhow::{Context as _, Result};
use chaos_cluster::world::AGENT;
use chaos_cluster::{World, sdk};
use serde_json::json;

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
