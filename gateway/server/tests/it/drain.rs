//! What its callers see of a gateway that stops while it waits with them for a task.

use deploy_service::units;
use serde_json::Value;
use tokio::time::timeout;

use crate::calls::waiting;
use crate::streams::Stream;
use crate::world::{PATIENCE, Peer, World, message};

/// Streams end a second before they are cut, and tasks long after.
async fn start() -> World {
    World::with(|config| {
        config.limits.drain = units::Duration::from_secs(4);
        config.bounds.task_deadline = units::Duration::from_secs(600);
    })
    .await
}

/// It ends, and has cut nothing.
async fn ends(world: &mut World) {
    let ended = timeout(PATIENCE, &mut world.gateway.running).await.unwrap().unwrap().unwrap();
    assert_eq!(ended.drained.cut, 0);
}

/// Caught: streams went on until they were cut, and their callers did not know whether the network had failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_the_reason_before_the_drain_would_cut_it() {
    let mut world = start().await;
    let mut stream = Stream::open(&world, &Peer::new("a", 1)).await;
    assert!(stream.event().await.unwrap()["task"].is_object());
    world.gateway.shutdown.trigger();
    let mut last = Value::Null;
    while let Some(answer) = stream.answer().await {
        last = answer;
    }
    assert_eq!(last["error"]["code"], -32045, "{last}");
    assert_eq!(last["error"]["data"][0]["metadata"]["code"], "stopping", "{last}");
    ends(&mut world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_task_is_told_how_it_stands_when_the_gateway_stops() {
    let mut world = start().await;
    let caller = Peer::new("a", 1);
    let sent = world.gateway.call(&caller, "/agents/echo", "SendMessage", message("hello"));
    let stop = async {
        waiting(&world, 1).await;
        world.gateway.shutdown.trigger();
    };
    let (answer, ()) = tokio::join!(sent, stop);
    let task = &answer["result"]["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_SUBMITTED", "{answer}");
    ends(&mut world).await;
}
