//! Many records: what each takes in memory and on disk, and how soon members that hold them serve again.
//! It decides when a member counts as serving. It must never call a member up before it answers with the last
//! record that was written.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chaos_cluster::World;
use chaos_cluster::world::PATIENCE;
use serde_json::json;

use super::read;
use super::records::Records;
use super::run::Run;
use crate::report::whole;
use crate::usage::{Role, Used, resident};

/// Records made beforehand at a time.
const CHUNK: usize = 20_000;
/// Compaction goes on for a while after the last write.
const REST: Duration = Duration::from_secs(10);

/// What the members hold, the one that holds most.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory_bytes: u64,
    disk_bytes: u64,
}

pub(super) async fn run(run: &mut Run, count: usize) -> Result<()> {
    let before = held(&run.environment.world)?;
    println!("\nmany records: {} signed records of 1,024 B", whole(count as f64));
    let (took_s, cpu_us) = load(run, count).await?;
    tokio::time::sleep(REST).await;
    let after = held(&run.environment.world)?;
    println!("  loaded       in {took_s:.0} s, {cpu_us:.1} us of registry CPU each");
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / count as f64;
    let memory = each(after.memory_bytes, before.memory_bytes);
    let disk = each(after.disk_bytes, before.disk_bytes);
    println!("  memory       {} MiB resident, {memory:.0} B a record", after.memory_bytes >> 20);
    println!("  disk         {} MiB, {disk:.0} B a record", after.disk_bytes >> 20);
    let (one, all) = (restart_one(run).await?, restart_all(run).await?);
    println!(
        "  restart      one member, stopped in order: serves after {:.2} s",
        one.as_secs_f64()
    );
    println!(
        "  restart      all members, killed with -9: write again after {:.2} s",
        all.as_secs_f64()
    );
    let figures = json!({
        "work": "many-records", "records": count, "loaded_s": took_s, "cpu_us": cpu_us,
        "memory_per_record": memory, "disk_per_record": disk,
        "restart_one_s": one.as_secs_f64(), "restart_all_s": all.as_secs_f64(),
    });
    println!("{figures}");
    Ok(())
}

/// Writes the records: how long that took, in seconds, and CPU time of each, in microseconds.
async fn load(run: &mut Run, count: usize) -> Result<(f64, f64)> {
    let (begun, used, mut left) = (Instant::now(), run.environment.sample()?, count);
    while left > 0 {
        let some = left.min(CHUNK);
        read::fill(run, some).await?;
        left -= some;
    }
    let mut spent = Used::default();
    spent.add_between(&used, &run.environment.sample()?);
    Ok((begun.elapsed().as_secs_f64(), spent.of(Role::Registry) * 1e6 / count as f64))
}

/// From the start of a member's process until it has the last record.
async fn restart_one(run: &mut Run) -> Result<Duration> {
    let last = Records::handle(run.records.made() - 1);
    let leader = run.environment.world.leader().await?;
    let world = &mut run.environment.world;
    let at = (leader + 1) % world.members.len();
    world.members[at].process.take().context("it was up")?.stop(PATIENCE)?;
    let begun = Instant::now();
    world.start_member(at)?;
    serving(world, at, &last).await?;
    Ok(begun.elapsed())
}

/// From the start of all members' processes until one of them has taken a write.
async fn restart_all(run: &mut Run) -> Result<Duration> {
    let last = Records::handle(run.records.made() - 1);
    let world = &mut run.environment.world;
    for member in &mut world.members {
        member.process.take().context("it was up")?.kill_9()?;
    }
    let begun = Instant::now();
    for at in 0..world.members.len() {
        world.start_member(at)?;
    }
    for at in 0..world.members.len() {
        serving(world, at, &last).await?;
    }
    read::fill(run, 1).await?;
    Ok(begun.elapsed())
}

async fn serving(world: &World, at: usize, last: &str) -> Result<()> {
    let url = format!("{}/v1/records/{last}", world.members[at].url);
    let until = Instant::now() + PATIENCE * 5;
    loop {
        let answer = chaos_cluster::web::get(&url, None).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "{url} is not served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn held(world: &World) -> Result<Held> {
    let mut most = Held { memory_bytes: 0, disk_bytes: 0 };
    for member in &world.members {
        let process = member.process.as_ref().context("every member is up")?;
        most.memory_bytes = most.memory_bytes.max(resident(process.id())?);
        most.disk_bytes = most.disk_bytes.max(size(&world.path(&format!("r{}", member.id)))?);
    }
    Ok(most)
}

/// What the files below a folder take, in bytes. A file that goes meanwhile counts nothing.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)?.flatten() {
        let Ok(about) = entry.metadata() else { continue };
        sum += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}
