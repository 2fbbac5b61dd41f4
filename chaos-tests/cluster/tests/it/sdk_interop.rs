//! The official Python SDK, unchanged, against a hosted agent.

use anyhow::{Context as _, Result};
use chaos_cluster::peer::Peer;
use chaos_cluster::{World, sdk};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_calls_and_streams_from_a_hosted_agent() -> Result<()> {
    let mut world = World::registry(1).await?;
    world.add_gateway("g1").await?;
    world.add_node("n1").await?;
    let peer = Peer::new("https://a.example")?;
    peer.enrol(&world.operator().await?).await?;
    peer.write_key(&world.path("peer.json"))?;
    world.deploy_text_agent("text-stats")?;
    for streaming in [false, true] {
        let base = format!("{}/agents/text-stats", world.gateways[0].url);
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
