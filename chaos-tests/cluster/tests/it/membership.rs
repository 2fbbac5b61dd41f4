//! The cluster is changed by its command line while clients write: nothing acknowledged is lost, and writes go on.

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::World;
use serde_json::Value;

use crate::writers::{Writers, check};

/// Acknowledgements that show that writes go on.
const SOME: usize = 50;

pub(crate) fn members(world: &World) -> Result<Value> {
    Ok(serde_json::from_str(&world.cli(&["--output", "json", "cluster", "members"])?)?)
}

pub(crate) fn voters(world: &World) -> Result<Vec<u64>> {
    let found = members(world)?;
    let members = found["members"].as_array().context("members")?.iter();
    let voters = members.filter(|member| member["role"] == "voter");
    Ok(voters.filter_map(|member| member["id"].as_u64()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_vote_lead_and_leave_under_load() -> Result<()> {
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, 3)?;
    writers.more(SOME).await?;
    for id in [4, 5] {
        let at = world.join_member(id).await?;
        writers.knows(&world.members[at].url);
    }
    insist(&world, &["promote", "4", "5"]).await?;
    ensure!(voters(&world)? == [1, 2, 3, 4, 5], "{}", members(&world)?);
    writers.more(SOME).await?;

    // The leader is taken out; it hands over and another one does it.
    let leader = world.leader().await?;
    let gone = world.members[leader].id;
    insist(&world, &["remove", &gone.to_string()]).await?;
    writers.more(SOME).await?;
    ensure!(!voters(&world)?.contains(&gone), "{}", members(&world)?);
    world.members.remove(leader).process.context("up")?.kill_9()?;
    let again = world.cli(&["cluster", "add", &gone.to_string(), "http://127.0.0.1:1"]);
    ensure!(again.is_err(), "a number that was removed is taken again");

    let before = world.leader().await?;
    world.cli(&["cluster", "transfer"])?;
    writers.more(SOME).await?;
    ensure!(world.leader().await? != before, "leadership was handed over");

    // A dead member is replaced.
    let leader = world.leader().await?;
    let dead = (leader + 1) % world.members.len();
    let dead_id = world.members[dead].id;
    world.members[dead].process.take().context("up")?.kill_9()?;
    let at = world.join_member(6).await?;
    writers.knows(&world.members[at].url);
    insist(&world, &["remove", &dead_id.to_string()]).await?;
    world.members.remove(dead);
    insist(&world, &["promote", "6"]).await?;
    writers.more(SOME).await?;
    let found = voters(&world)?;
    ensure!(found.len() == 4 && found.contains(&6), "{found:?}");

    let acked = writers.stop().await?;
    for at in 0..world.members.len() {
        let operator = world.operator_at(&world.members[at].url).await?;
        check(&operator, &acked).await.with_context(|| format!("at place {at}"))?;
    }
    world.stop()
}

/// A change is refused as long as too many members lag behind, so it is asked for again.
pub(crate) async fn insist(world: &World, change: &[&str]) -> Result<()> {
    let until = std::time::Instant::now() + chaos_cluster::world::PATIENCE;
    loop {
        match world.cli(&[&["cluster"], change].concat()) {
            Ok(_) => return Ok(()),
            Err(error) if std::time::Instant::now() > until => return Err(error),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_verified_and_a_new_cluster_serves_it() -> Result<()> {
    let world = World::registry(3).await?;
    let writers = Writers::start(&world, 3)?;
    writers.more(SOME).await?;
    // Everything acknowledged up to here is to be in the copy, whatever member it is taken from.
    let early = writers.acked();
    let file = world.path("copy");
    let file = file.to_str().context("UTF-8")?;
    world.cli(&["cluster", "backup", file])?;
    let seen: Value =
        serde_json::from_str(&world.cli(&["--output", "json", "cluster", "verify", file])?)?;
    ensure!(seen["record"].as_u64() >= Some(early.len() as u64), "{seen}");
    ensure!(world.cli(&["cluster", "backup", file]).is_err(), "a copy was written over");
    world.cli(&["cluster", "defrag"])?;
    world.cli(&["cluster", "snapshot"])?;
    writers.stop().await?;

    let mut other = World::prepared(3)?;
    for at in 0..3 {
        let dir = other.path(&format!("r{}", other.members[at].id));
        let dir = dir.to_str().context("UTF-8")?.to_owned();
        let named: Vec<String> =
            other.members.iter().map(|it| format!("--member={}={}", it.id, it.url)).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        other.cli(&[&["cluster", "restore", file, &dir], &named[..]].concat())?;
        other.cli(&["cluster", "verify", &dir])?;
    }
    for at in 0..3 {
        other.start_member(at)?;
    }
    other.leader().await?;
    check(&other.operator().await?, &early).await?;
    ensure!(members(&other)?["epoch"] == 1, "{}", members(&other)?);
    let writers = Writers::start(&other, 1)?;
    writers.more(SOME).await?;
    writers.stop().await?;
    other.stop()?;
    world.stop()
}
