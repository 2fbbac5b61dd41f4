//! Security cases 43 and 44: a member whose disk is full or fails acknowledges nothing, serves reads, says so, and goes on
//! by itself once the disk is good. The others go on without it, whether it led or not.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use chaos_cluster::disk::FailingDisk;
use chaos_cluster::log::Log;
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, web};
use proto_wire::registry::v1 as wire;

use crate::writers::{Writers, check};

/// Acknowledgements that show that writes go on; their bytes reach the bound that stands for a full disk.
const SOME: usize = 50;

/// Calls to a member whose disk has failed: a log that names each of them is loud.
const CALLS: usize = 25;

/// Room for a member and a little more.
const DISK: &str = "size=160m";

/// A disk that can be full: a small tmpfs where this process may mount one, else a bound on the size of files, which the
/// kernel answers with an error as it would a full disk.
enum Disk {
    Tmpfs { at: PathBuf },
    Bound { of: Option<u32> },
}

impl Disk {
    fn at(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(dir).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self::Tmpfs { at: dir.to_owned() }),
            _ => Ok(Self::Bound { of: None }),
        }
    }

    fn fill(&mut self, process: u32) -> Result<()> {
        match self {
            Self::Tmpfs { at } => {
                let mut file = File::create(at.join("filler"))?;
                let piece = vec![0; 64 << 10];
                while file.write_all(&piece).is_ok() {}
                Ok(())
            }
            Self::Bound { of } => {
                *of = Some(process);
                bound(process, "65536:unlimited")
            }
        }
    }

    fn free(&self) -> Result<()> {
        match self {
            Self::Tmpfs { at } => Ok(std::fs::remove_file(at.join("filler"))?),
            Self::Bound { of } => bound(of.context("it was filled")?, "unlimited:unlimited"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Tmpfs { at } = self {
            // Lazily: the member may hold files open until it has ended.
            let _ = Command::new("umount").arg("--lazy").arg(at).status();
        }
    }
}

fn bound(process: u32, fsize: &str) -> Result<()> {
    let (process, fsize) = (process.to_string(), format!("--fsize={fsize}"));
    let set = Command::new("prlimit").args(["--pid", &process, &fsize]).status()?;
    if set.success() { Ok(()) } else { bail!("prlimit refuses") }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_43_a_full_disk_refuses_writes_serves_reads_and_recovers_without_surgery() -> Result<()>
{
    let mut world = World::prepared(1)?;
    let mut disk = Disk::at(&world.path("r1"))?;
    world.start_member(0)?;
    world.leader().await?;
    let writers = Writers::start(&world, 8)?;
    writers.more(100).await?;
    let process = world.members[0].process.as_ref().context("up")?.id();
    disk.fill(process)?;
    let url = world.members[0].url.clone();
    ready_says(&url, 503, "\"disk\"").await?;
    let metrics = web::get(&format!("{url}/v1/metrics"), None).await?;
    ensure!(
        String::from_utf8_lossy(&metrics.body).contains("ecumene_registry_poisoned 1"),
        "no alarm"
    );
    let acked = writers.acked();
    for (handle, _) in acked.iter().take(20) {
        let read = web::get(&format!("{url}/v1/records/{handle}"), None).await?;
        ensure!(read.status == 200, "{handle}: {}", read.status);
    }
    disk.free()?;
    ready_says(&url, 200, "").await?;
    writers.more(100).await?;
    world.check_alive()?;
    let acked = writers.stop().await?;
    check(&world.operator().await?, &acked).await?;
    let same = world.members[0].process.as_ref().context("up")?.id();
    ensure!(same == process, "it is the same process");
    world.members[0].process.take().context("up")?.stop(PATIENCE)?;
    drop(disk);
    world.stop()
}

/// Waits until readiness has this status and names this condition.
async fn ready_says(url: &str, status: u16, names: &str) -> Result<()> {
    let until = Instant::now() + 2 * PATIENCE;
    loop {
        let answer = web::get(&format!("{url}/readyz"), None).await;
        if let Ok(answer) = &answer
            && answer.status == status
            && String::from_utf8_lossy(&answer.body).contains(names)
        {
            return Ok(());
        }
        ensure!(Instant::now() < until, "readiness is never {status}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a member answers to a write and to a strong read.
async fn said(url: &str, token: &str) -> Result<[(u16, String); 2]> {
    let code = |answer: &web::Answer| -> Result<String> {
        Ok(answer.json()?["code"].as_str().unwrap_or_default().to_owned())
    };
    let namespace = format!("{url}/v1/namespaces/gone");
    let write = web::call(http::Method::DELETE, &namespace, Some(token), Vec::new()).await?;
    let read = web::get(&format!("{url}/v1/peers?consistency=strong"), None).await?;
    Ok([(write.status, code(&write)?), (read.status, code(&read)?)])
}

/// What is wrong with a disk: it takes no more bytes, or no sync (EIO).
#[derive(Clone, Copy, Debug)]
enum Fault {
    Full,
    Unsynced,
}

impl Fault {
    fn strike(self, process: u32, disk: &FailingDisk) -> Result<()> {
        match self {
            Self::Full => bound(process, "65536:unlimited"),
            Self::Unsynced => disk.fail(),
        }
    }

    fn end(self, process: u32, disk: &FailingDisk) -> Result<()> {
        match self {
            Self::Full => bound(process, "unlimited:unlimited"),
            Self::Unsynced => disk.mend(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_or_follower_whose_disk_is_full_or_fails_says_disk_failed_and_the_others_go_on()
-> Result<()> {
    let mut world = World::prepared(3)?;
    let disks = world.failing_disks()?;
    let mut world = world.started().await?;
    let logs: Vec<Log> = (0..3).map(|at| world.log_of(at)).collect();
    let writers = Writers::start(&world, 2)?;
    for fault in [Fault::Full, Fault::Unsynced] {
        for leads in [false, true] {
            writers.more(SOME).await?;
            let leader = world.leader().await?;
            let at = if leads { leader } else { (leader + 1) % 3 };
            let held = fails_and_recovers(&world, at, (fault, &disks[at]), &writers).await;
            held.with_context(|| format!("{fault:?}, of the leader: {leads}"))?;
        }
    }
    world.check_alive()?;
    logs.iter().try_for_each(Log::check_quiet)?;
    let acked = writers.stop().await?;
    check(&world.operator().await?, &acked).await?;
    world.stop()
}

async fn fails_and_recovers(
    world: &World,
    at: usize,
    (fault, disk): (Fault, &FailingDisk),
    writers: &Writers,
) -> Result<()> {
    let member = &world.members[at];
    let (token, process) = (world.operator_token()?, member.process.as_ref().context("up")?.id());
    fault.strike(process, disk)?;
    ready_says(&member.url, 503, "\"disk\"").await?;
    led_by_another(world, member.id).await?;
    for _ in 0..CALLS {
        for (status, code) in said(&member.url, &token).await? {
            ensure!((status, code.as_str()) == (503, "disk-failed"), "{status} {code}");
        }
    }
    writers.more(SOME).await?;
    fault.end(process, disk)?;
    ready_says(&member.url, 200, "").await
}

/// Waits until the others agree that one of them leads.
async fn led_by_another(world: &World, failed: u64) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut leaders = Vec::new();
        for member in world.members.iter().filter(|member| member.id != failed) {
            let operator = world.operator_at(&member.url).await?;
            let status = operator.directory.clone().status(wire::StatusRequest::default()).await?;
            leaders.push(status.into_inner().leader);
        }
        if leaders.iter().all(|leader| *leader != 0 && *leader != failed) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the others are led by {leaders:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
