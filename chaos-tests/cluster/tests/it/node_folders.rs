//! The state folder of a node: a copy of it that another process uses, and a journal of a former incarnation.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::World;
use chaos_cluster::process::Process;
use chaos_cluster::world::PATIENCE;
use proto_types::Digest;

/// What a process ends with that gives way to another one.
const CONFLICT: i32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_with_one_credential_one_ends_and_says_why() -> Result<()> {
    let mut world = World::registry(1).await?;
    world.add_node("n1").await?;
    let (folder, copy) = (world.path("n1"), world.path("copy"));
    std::fs::create_dir(&copy)?;
    for name in ["credential", "admitted"] {
        std::fs::copy(folder.join(name), copy.join(name))?;
    }
    let config = std::fs::read_to_string(&world.nodes[0].config)?;
    let config = config.replace(&format!("{folder:?}"), &format!("{copy:?}"));
    let path = world.path("copy.toml");
    std::fs::write(&path, config)?;
    let path = path.to_str().context("UTF-8")?;
    let log = world.path("copy.log");
    let mut second = Process::start("copy", &["node", "run", "--config", path], &log)?;
    let mut first = world.nodes[0].process.take().context("the node is up")?;

    let until = Instant::now() + PATIENCE;
    let (ended, said, other) = loop {
        ensure!(Instant::now() < until, "both run on: {}", first.tail());
        if let Some(ended) = first.wait(Duration::from_millis(50))? {
            break (ended, first.tail(), second);
        }
        if let Some(ended) = second.wait(Duration::from_millis(50))? {
            break (ended, second.tail(), first);
        }
    };
    assert_eq!(ended.code(), Some(CONFLICT), "{said}");
    assert!(said.contains("another process serves as node n1"), "{said}");
    world.node_in_state("n1", "joined").await?;
    other.stop(PATIENCE)?;
    world.stop()
}

/// Caught: both processes ran, and took turns in striking what the other had written.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_a_state_folder_ends_and_one_after_kill_9_starts() -> Result<()> {
    let mut world = World::registry(1).await?;
    world.add_node("n1").await?;
    let config = world.nodes[0].config.to_str().context("UTF-8")?.to_owned();
    let run = ["node", "run", "--config", &config];
    let mut second = Process::start("second", &run, &world.path("second.log"))?;
    let ended = second.wait(PATIENCE)?.context("it runs on")?;
    assert_eq!(ended.code(), Some(1), "{}", second.tail());
    let folder = world.path("n1").display().to_string();
    let said = second.tail();
    assert!(said.contains(&folder) && said.contains("another process uses it"), "{said}");
    world.nodes[0].process.take().context("the node is up")?.kill_9()?;
    let mut third = Process::start("third", &run, &world.path("third.log"))?;
    let until = Instant::now() + PATIENCE;
    while !third.tail().contains("joined") {
        third.check_alive()?;
        ensure!(Instant::now() < until, "it does not start: {}", third.tail());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    third.stop(PATIENCE)?;
    world.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_strikes_from_its_journal_what_the_registry_has_decided_without_it() -> Result<()> {
    let mut world = World::registry(1).await?;
    world.add_node("n1").await?;
    world.nodes[0].process.take().context("the node is up")?.stop(PATIENCE)?;
    let line = world.path("n1").join("journal").join(Digest::of(b"ended-long-ago").hex());
    std::fs::write(&line, r#"{"task":"ended-long-ago","epoch":3}"#)?;
    world.start_node(0)?;
    let until = Instant::now() + PATIENCE;
    while line.exists() {
        world.check_alive()?;
        ensure!(Instant::now() < until, "the line stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.stop()
}
