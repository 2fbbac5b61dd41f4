//! A dead node's task is placed again, and its outcome is committed once, under the newest epoch.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::World;
use chaos_cluster::peer::message;
use chaos_cluster::process::Signal;
use chaos_cluster::world::AGENT;
use proto_wire::registry::v1 as wire;
use serde_json::json;

/// Some seconds of work in the test profile: long enough to be killed in.
const WORK: u32 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_node_is_killed_completes_on_another_under_a_newer_epoch() -> Result<()> {
    let (mut world, peer) = World::platform(1, &["n1", "n2"]).await?;

    let mut params = message("Words to count, again and again.", Some(WORK));
    params["configuration"] = json!({ "returnImmediately": true });
    let url = world.gateways[0].url.clone();
    let answer = peer.rpc(&url, AGENT, "SendMessage", params).await?.json()?;
    let id =
        answer["result"]["task"]["id"].as_str().with_context(|| answer.to_string())?.to_owned();

    let assigned = task_when(&world, &id, |task| task.state != "pending").await?;
    ensure!(
        assigned.state == "assigned",
        "it ended before its node could be killed: {}",
        assigned.state
    );
    let at =
        world.nodes.iter().position(|node| node.name == assigned.node).context("which node")?;
    world.nodes[at].process.take().context("up")?.kill_9()?;

    let ended =
        task_when(&world, &id, |task| !matches!(task.state.as_str(), "pending" | "assigned"))
            .await?;
    assert_eq!(ended.state, "completed", "{}", ended.reason);
    assert!(ended.epoch > assigned.epoch, "epoch {} after {}", ended.epoch, assigned.epoch);

    let late = wire::CompleteTaskRequest {
        id: id.clone(),
        epoch: assigned.epoch,
        end: "failed".to_owned(),
        outcome: "{}".into(),
        reason: "a late word".to_owned(),
        omit_documents: true,
    };
    let credential = std::fs::read_to_string(world.path(&assigned.node).join("credential"))?;
    let token = format!("node:{}:{}", assigned.node, credential.trim_end());
    let dead = chaos_cluster::clients::Operator::connect(&world.members[0].url, &token).await?;
    let refused = dead.fleet.clone().complete_task(late).await;
    assert!(refused.is_err(), "an outcome under an old epoch was taken");
    assert_eq!(task(&world, &id).await?.outcome, ended.outcome);
    world.nodes.remove(at);
    world.stop()
}

/// The lease of this world is 4 s; the others elect another leader meanwhile, which the node dials.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_takes_no_task_from_a_node_that_lives() -> Result<()> {
    let (mut world, peer) = World::platform(3, &["n1"]).await?;
    let mut params = message("Words to count, again and again.", Some(WORK));
    params["configuration"] = json!({ "returnImmediately": true });
    let url = world.gateways[0].url.clone();
    let answer = peer.rpc(&url, AGENT, "SendMessage", params).await?.json()?;
    let id =
        answer["result"]["task"]["id"].as_str().with_context(|| answer.to_string())?.to_owned();
    task_when(&world, &id, |task| task.state == "assigned").await?;

    let leader = world.leader().await?;
    let signal =
        |signal: Signal| world.members[leader].process.as_ref().context("up")?.signal(signal);
    signal(Signal::STOP)?;
    tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    signal(Signal::CONT)?;
    let ended =
        task_when(&world, &id, |task| !matches!(task.state.as_str(), "pending" | "assigned"))
            .await?;
    assert_eq!(ended.state, "completed", "{}", ended.reason);
    assert_eq!((ended.attempts, ended.epoch), (1, 1), "it was taken from a node that lived");
    world.stop()
}

/// The task as soon as it is as wished.
async fn task_when(
    world: &World,
    id: &str,
    wished: impl Fn(&wire::Task) -> bool,
) -> Result<wire::Task> {
    let until = Instant::now() + 2 * chaos_cluster::world::PATIENCE;
    loop {
        // The member that is asked may not know who leads, for a moment after an election.
        let seen = task(world, id).await;
        match seen {
            Ok(task) if wished(&task) => return Ok(task),
            Ok(task) => ensure!(Instant::now() < until, "task {id} stays {}", task.state),
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => {}
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn task(world: &World, id: &str) -> Result<wire::Task> {
    let request = wire::GetTaskRequest { id: id.to_owned(), owner: String::new(), consistency: 1 };
    Ok(world.operator().await?.fleet.clone().get_task(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_never_idle_keeps_its_lease() -> Result<()> {
    let (world, peer) = World::platform(1, &["n1"]).await?;
    let before = node_revision(&world).await?;
    // Twice the lease of this world. A load run had found beats put off by every other event; this test was not run
    // against that fault.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(8);
    while std::time::Instant::now() < until {
        let url = &world.gateways[0].url;
        let call = || peer.rpc(url, AGENT, "SendMessage", message("Busy, busy.", None));
        let (a, b, c) = tokio::join!(call(), call(), call());
        for answer in [a?, b?, c?] {
            let state = answer.json()?["result"]["task"]["status"]["state"].clone();
            assert_eq!(state, json!("TASK_STATE_COMPLETED"), "{:?}", answer.body);
        }
    }
    assert_eq!(node_revision(&world).await?, before, "the node was lost while it worked");
    world.stop()
}

/// Changes whenever the node joins or is lost.
async fn node_revision(world: &World) -> Result<u64> {
    let request = wire::ListRequest { after: String::new(), limit: 10, consistency: 1 };
    let nodes = world.operator().await?.fleet.clone().list_nodes(request).await?.into_inner().nodes;
    Ok(nodes.first().context("no node")?.revision)
}
