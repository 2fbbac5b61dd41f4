//! Folders of members that are emptied, swapped, without their log, older or of another cluster (decision 30). Who is
//! refused says why and changes nothing; who has lost what it acknowledged does not vote; and what was acknowledged is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::log::Log;
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, web};
use proto_wire::registry::v1 as wire;

use crate::membership::{insist, members, voters};
use crate::pauses::strong;
use crate::writers::{Writers, check};

/// Acknowledgements that show that writes go on.
const SOME: usize = 30;

/// Three elections and more, in which somebody would have come to lead.
const LONG_ENOUGH: Duration = Duration::from_secs(4);

/// What a member is told that has lost what it knew, or is refused.
pub(crate) const RUNBOOK: &str = "docs/runbooks/replace-a-member.md";

/// What a member says of itself that was removed.
const REMOVED: &str = "removed from the cluster";

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_whose_folder_is_emptied_learns_by_the_others_consent_and_is_promoted() -> Result<()>
{
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, 1)?;
    let mut emptied = 0;
    for leads in [false, true] {
        writers.more(SOME).await?;
        let leader = world.leader().await?;
        emptied = if leads { leader } else { (leader + 1) % 3 };
        let (id, log) = (world.members[emptied].id, world.log_of(emptied));
        world.kill_member(emptied)?;
        fs::remove_dir_all(world.data_dir(emptied))?;
        writers.more(SOME).await?;
        world.start_member(emptied)?;
        until_learner(&world, id).await?;
        ensure!(log.text()?.contains(RUNBOOK), "it says what to do: {}", log.text()?);
        writers.more(SOME).await?;
        insist(&world, &["promote", &id.to_string()]).await?;
        world.member_ready(emptied).await?;
        log.check_quiet()?;
    }
    let acked = writers.stop().await?;
    // It answers by its own state, which it was sent anew.
    check(&world.operator_at(&world.members[emptied].url).await?, &acked).await?;
    world.stop()
}

/// Ten of fifteen acknowledged writes were said not to be there, and writes went on.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_with_an_emptied_folder_and_one_that_lags_elect_nobody_and_hide_nothing()
-> Result<()> {
    let mut world = World::registry(3).await?;
    let (whole, lags, emptied) = (0, 1, 2);
    let writers = Writers::start(&world, 1)?;
    writers.more(SOME).await?;
    world.kill_member(lags)?;
    writers.more(SOME).await?;
    let acked = writers.stop().await?;
    for at in [whole, emptied] {
        world.kill_member(at)?;
    }
    fs::remove_dir_all(world.data_dir(emptied))?;
    for at in [lags, emptied] {
        world.start_member(at)?;
    }
    until_it_says(&world, emptied, RUNBOOK).await?;
    let until = Instant::now() + LONG_ENOUGH;
    while Instant::now() < until {
        for at in [lags, emptied] {
            ensure!(status(&world, at).await?.leader == 0, "member {} leads", at + 1);
            for (handle, digest) in acked.iter().rev().take(5) {
                strong(&world, at, handle, digest).await?;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.start_member(whole)?;
    until_learner(&world, world.members[emptied].id).await?;
    world.member_ready(emptied).await?;
    check(&world.operator_at(&world.members[emptied].url).await?, &acked).await?;
    world.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_the_members_own_or_not_whole_is_refused_or_does_not_count()
-> Result<()> {
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, 1)?;
    writers.more(SOME).await?;
    swapped(&mut world)?;
    writers.more(SOME).await?;
    without_its_log(&mut world)?;
    writers.more(SOME).await?;
    of_another_cluster(&mut world, &writers).await?;
    for at in 0..3 {
        world.member_ready(at).await?;
    }
    let acked = writers.stop().await?;
    check(&world.operator().await?, &acked).await?;
    world.stop()
}

/// The member's own folder says that it was removed; an older copy, which somebody puts in its place, does not.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_a_removed_members_folder_confirms_nothing_and_says_why() -> Result<()> {
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, 1)?;
    writers.more(SOME).await?;
    let leader = world.leader().await?;
    let gone = (leader + 1) % 3;
    let (id, dir, copy) = (world.members[gone].id, world.data_dir(gone), world.path("copy"));
    world.kill_member(gone)?;
    let copied = Command::new("cp").arg("-a").args([&dir, &copy]).status()?;
    ensure!(copied.success(), "{} is not copied", dir.display());
    world.start_member(gone)?;
    world.member_ready(gone).await?;
    insist(&world, &["remove", &id.to_string()]).await?;
    until_it_says(&world, gone, REMOVED).await?;
    writers.more(SOME).await?;

    world.kill_member(gone)?;
    fs::remove_dir_all(&dir)?;
    fs::rename(&copy, &dir)?;
    world.start_member(gone)?;
    until_it_says(&world, gone, REMOVED).await?;
    let readyz = web::get(&format!("{}/readyz", world.members[gone].url), None).await?;
    ensure!(readyz.status == 503, "it takes itself for a member: {}", readyz.status);
    let (handle, digest) = writers.acked().pop().context("a write")?;
    strong(&world, gone, &handle, &digest).await?;
    writers.more(SOME).await?;
    let counted = status(&world, leader).await?.members;
    ensure!(counted.iter().all(|member| member.id != id), "it counts again: {counted:?}");
    let acked = writers.stop().await?;
    check(&world.operator_at(&world.members[leader].url).await?, &acked).await?;
    world.stop()
}

/// Two members find each other's folder.
fn swapped(world: &mut World) -> Result<()> {
    let (one, other) = (1, 2);
    world.kill_member(one)?;
    world.kill_member(other)?;
    swap(&world.data_dir(one), &world.data_dir(other))?;
    for (at, found) in [(one, other), (other, one)] {
        let (own, found) = (world.members[at].id, world.members[found].id);
        let names = [format!("directory of member {found}"), format!("process is member {own}")];
        refused(world, at, &names)?;
    }
    swap(&world.data_dir(one), &world.data_dir(other))?;
    world.start_member(one)?;
    world.start_member(other)
}

/// Somebody has moved `log` away.
fn without_its_log(world: &mut World) -> Result<()> {
    let at = 1;
    world.kill_member(at)?;
    let (log, away) = (world.data_dir(at).join("log"), world.path("away"));
    fs::rename(&log, &away)?;
    refused(world, at, &["log is missing in a directory that was in use".to_owned()])?;
    fs::rename(&away, &log)?;
    world.start_member(at)
}

/// A member finds the folder of the member of the same number in another cluster of three.
async fn of_another_cluster(world: &mut World, writers: &Writers) -> Result<()> {
    let mut other = World::registry(3).await?;
    let theirs = Writers::start(&other, 1)?;
    theirs.more(SOME).await?;
    theirs.stop().await?;
    (0..3).try_for_each(|at| other.kill_member(at))?;
    let leader = world.leader().await?;
    let at = (leader + 1) % 3;
    let logs = [at, leader].map(|at| world.log_of(at));
    world.kill_member(at)?;
    swap(&world.data_dir(at), &other.data_dir(at))?;
    world.start_member(at)?;
    let (readyz, acked) = (format!("{}/readyz", world.members[at].url), writers.acked());
    let until = Instant::now() + LONG_ENOUGH;
    while Instant::now() < until {
        let ready = web::get(&readyz, None).await.is_ok_and(|answer| answer.status == 200);
        ensure!(!ready, "it takes itself for a member");
        for (handle, digest) in acked.iter().rev().take(5) {
            hides_nothing(world, at, handle, digest).await?;
        }
        writers.more(1).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let heard_ms_ago = heard_ms_ago(world, world.members[at].id)?;
    ensure!(heard_ms_ago.is_none_or(|ago| ago > 2_000), "it is heard: {heard_ms_ago:?} ms ago");
    logs.iter().try_for_each(Log::check_quiet)?;
    world.kill_member(at)?;
    swap(&world.data_dir(at), &other.data_dir(at))?;
    world.start_member(at)
}

/// How long ago a member has answered the leader, if ever.
fn heard_ms_ago(world: &World, id: u64) -> Result<Option<u64>> {
    let found = members(world)?;
    let mut members = found["members"].as_array().context("members")?.iter();
    let member = members.find(|member| member["id"] == id).context("a member")?;
    Ok(member["heardMsAgo"].as_u64())
}

/// As [`strong`], of a member that may not have come up yet.
async fn hides_nothing(world: &World, at: usize, handle: &str, digest: &str) -> Result<()> {
    match world.operator_at(&world.members[at].url).await {
        Ok(_) => strong(world, at, handle, digest).await,
        Err(_) => Ok(()),
    }
}

/// A start of this member is refused with these words and the runbook, and changes no byte of its folder.
fn refused(world: &mut World, at: usize, names: &[String]) -> Result<()> {
    let dir = world.data_dir(at);
    let before = content(&dir)?;
    let said = world.refused_start(at)?;
    for name in names.iter().map(String::as_str).chain([RUNBOOK]) {
        ensure!(said.contains(name), "{name:?} is not in: {said}");
    }
    ensure!(content(&dir)? == before, "the folder is touched");
    Ok(())
}

fn swap(one: &Path, other: &Path) -> Result<()> {
    let between = one.with_extension("between");
    fs::rename(one, &between)?;
    fs::rename(other, one)?;
    Ok(fs::rename(&between, other)?)
}

/// Every file below a folder, with its bytes.
fn content(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.display().to_string(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Waits until the other two have taken its vote from a member.
async fn until_learner(world: &World, id: u64) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = voters(world);
        if found.as_ref().is_ok_and(|voters| voters.len() == 2 && !voters.contains(&id)) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "member {id} keeps its vote: {found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a member has heard from the others what it lacks, and says so.
async fn until_it_says(world: &World, at: usize, says: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !status(world, at).await.is_ok_and(|status| status.poisoned.contains(says)) {
        ensure!(Instant::now() < until, "it does not say: {says}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn status(world: &World, at: usize) -> Result<wire::ClusterStatus> {
    let operator = world.operator_at(&world.members[at].url).await?;
    let status = operator.directory.clone().status(wire::StatusRequest::default()).await;
    Ok(status.context("no word of itself")?.into_inner())
}
