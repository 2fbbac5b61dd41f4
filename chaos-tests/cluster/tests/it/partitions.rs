//! Security case 46 with real processes on a real network that is cut by direction: whole members, halves, one way only.
//!
//! Clients write, swap and read meanwhile, strong and stale, at every member. What they were told is checked afterwards:
//! one register for each handle, and labels that are true. Each run prints its seed; `ECUMENE_SEED` repeats its choices,
//! though not the processes' own timing.

mod crowd;
mod log;
mod nemesis;
mod probe;
mod registers;
mod scenes;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::{World, sandbox};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use self::crowd::Crowd;
use self::probe::Probes;

/// After a heal writes go on and all members agree within this. Connections that were cut wait for their next repetition,
/// up to as long again as the cut lasted; the rest is an election, and a machine that does other work besides.
pub(crate) const HEALED: Duration = Duration::from_secs(15);

/// Acknowledgements that show that writes go on.
const SOME: usize = 30;

#[test]
fn case_46_partitions_of_three_members_leave_one_register_and_true_labels() -> Result<()> {
    let test = "case_46_partitions_of_three_members_leave_one_register_and_true_labels";
    sandbox::run(&format!("{}::{test}", module_path!()), || run(SHORT))
}

/// Run by `make chaos`.
#[test]
#[ignore = "two to three minutes"]
fn case_46_partitions_of_five_members_leave_one_register_and_true_labels() -> Result<()> {
    let test = "case_46_partitions_of_five_members_leave_one_register_and_true_labels";
    sandbox::run(&format!("{}::{test}", module_path!()), || run(FIVE))
}

/// Run by `make chaos`.
#[test]
#[ignore = "two to three minutes"]
fn case_46_long_storms_over_three_members_leave_one_register_and_true_labels() -> Result<()> {
    let test = "case_46_long_storms_over_three_members_leave_one_register_and_true_labels";
    sandbox::run(&format!("{}::{test}", module_path!()), || run(LONG))
}

/// What one run has. The runner ends a test after four minutes.
#[derive(Clone, Copy)]
struct Plan {
    members: u64,
    /// How long ways are cut by chance.
    storms: Duration,
    /// Whether a member is cut off for so long that its connections die.
    long_cut: bool,
}

const SHORT: Plan = Plan { members: 3, storms: Duration::from_secs(15), long_cut: false };
const LONG: Plan = Plan { members: 3, storms: Duration::from_secs(60), long_cut: true };
const FIVE: Plan = Plan { members: 5, storms: Duration::from_secs(60), long_cut: false };

async fn run(plan: Plan) -> Result<()> {
    let seed = match std::env::var("ECUMENE_SEED") {
        Ok(text) => text.parse().context("ECUMENE_SEED")?,
        Err(_) => rand::random(),
    };
    println!("seed {seed}");
    let mut world = World::networked(plan.members).await?;
    let probes = Probes::of(&world).await?;
    let mut crowd = Crowd::start(&world, seed).await?;
    crowd.more(SOME, HEALED).await?;
    scenes::play(&world, &probes, &crowd, plan.long_cut).await?;
    storms(&world, &probes, &crowd, (seed, plan.storms)).await?;
    world.check_alive()?;
    crowd.stop().await?;
    probes.agree(HEALED).await?;
    crowd.check(&world).await.with_context(|| format!("seed {seed}"))?;
    world.stop()
}

/// Cuts by chance, with heals between them.
async fn storms(
    world: &World,
    probes: &Probes,
    crowd: &Crowd,
    (seed, length): (u64, Duration),
) -> Result<()> {
    let mut chance = StdRng::seed_from_u64(seed);
    let until = Instant::now() + length;
    let mut slowest = Duration::ZERO;
    while Instant::now() < until {
        let leader = probes.leader().await.map(|(_, leader)| leader);
        let storm = nemesis::next(&mut chance, world.members.len() as u64, leader);
        println!("{storm}");
        world.cut(&storm.cut)?;
        tokio::time::sleep(storm.lasts).await;
        world.heal()?;
        slowest = slowest.max(crowd.more(SOME, HEALED).await.with_context(|| storm.to_string())?);
    }
    ensure!(crowd.proves_something(), "too little load to prove anything");
    println!("writes went on at most {} ms after a heal", slowest.as_millis());
    Ok(())
}
