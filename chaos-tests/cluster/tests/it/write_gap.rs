//! How long writes wait when the leader dies: measured on real processes, printed, and not judged here, since a
//! machine that does other work besides would be judged with it (decision 11).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chaos_cluster::World;

use crate::writers::{Writers, check};

const KILLS: usize = 40;
const CLIENTS: usize = 4;

/// Run by `make chaos`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of a minute or two"]
async fn the_write_gap_after_the_death_of_the_leader() -> Result<()> {
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, CLIENTS)?;
    let mut gaps = Vec::new();
    for _ in 0..KILLS {
        writers.more(200).await?;
        let leader = world.leader().await?;
        let killed = Instant::now();
        world.members[leader].process.take().context("up")?.kill_9()?;
        writers.more(200).await?;
        gaps.push(writers.gap_around(killed));
        world.start_member(leader)?;
        world.member_ready(leader).await?;
    }
    let acked = writers.stop().await?;
    check(&world.operator().await?, &acked).await?;
    gaps.sort_unstable();
    print(&gaps, acked.len());
    world.stop()
}

fn print(gaps: &[Duration], acked: usize) {
    let at = |percent: usize| gaps[(gaps.len() * percent).div_ceil(100).max(1) - 1].as_millis();
    println!("{} kills of the leader, {acked} writes acknowledged, none lost", gaps.len());
    println!("write gap: p50 {} ms, p90 {} ms, p99 {} ms", at(50), at(90), at(99));
    for from in (0..gaps.last().map_or(0, |most| most.as_millis() + 1)).step_by(200) {
        let within = gaps.iter().filter(|gap| (from..from + 200).contains(&gap.as_millis()));
        println!("{from:>6} ms {}", "#".repeat(within.count()));
    }
}
