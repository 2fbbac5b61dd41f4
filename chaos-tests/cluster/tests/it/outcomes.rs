//! How tasks end through all the roles: at once, whatever the agent said, and with the node's slots free again.

use anyhow::Result;
use chaos_cluster::World;
use chaos_cluster::peer::message;
use chaos_cluster::world::AGENT;
use serde_json::{Value, json};

/// A message whose options no agent can read: the reason of the rejection quotes a name with a line end.
fn refused() -> Value {
    let mut params = message("Words to count.", None);
    let options = json!({ "data": { "a\nb": 1 } });
    params["message"]["parts"].as_array_mut().expect("a message has parts").push(options);
    params
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_whose_words_no_line_holds_end_their_tasks_at_once_and_free_their_slots()
-> Result<()> {
    let (world, peer) = World::platform(1, &["n1"]).await?;
    let url = world.gateways[0].url.clone();
    // More than the slots of any node of this world; each would have held its slot for its deadline of 120 s.
    for _ in 0..20 {
        let answer = peer.rpc(&url, AGENT, "SendMessage", refused()).await?.json()?;
        let task = &answer["result"]["task"];
        assert_eq!(task["status"]["state"], "TASK_STATE_REJECTED", "{answer}");
        let said = &task["status"]["message"]["parts"][0]["text"];
        assert!(said.as_str().is_some_and(|said| said.contains("options")), "{answer}");
    }
    let good = message("Words to count.", None);
    let answer = peer.rpc(&url, AGENT, "SendMessage", good).await?.json()?;
    assert_eq!(answer["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{answer}");
    let mut doubles = message("Words to count.", None);
    let options = json!({ "data": { "keywords": 3.0 } });
    doubles["message"]["parts"].as_array_mut().expect("a message has parts").push(options);
    let answer = peer.rpc(&url, AGENT, "SendMessage", doubles).await?.json()?;
    assert_eq!(answer["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{answer}");
    world.stop()
}
