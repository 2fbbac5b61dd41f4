//! Deterministic worlds: registry cores on members that crash, with disks that tear, a network that
//! loses, delays, reorders and repeats, clocks that jump, and clients that doubt.
//!
//! A seed decides a world, so that every failure can be replayed. What is under test is
//! `registry-core`; the consensus is a model (see `consensus.rs`). It must never import anything
//! above the pure crates.

mod breakage;
mod client;
mod consensus;
mod disk;
mod history;
mod invariant;
mod log;
mod machine;
mod member;
mod nemesis;
mod network;
mod seen;
mod time;
mod workload;
mod world;

pub use crate::breakage::Breakage;
pub use crate::world::{Account, Violation};

/// Which worlds are made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Voters: 1, 3 or 5.
    pub members: usize,
    /// What is broken on purpose.
    pub breakage: Option<Breakage>,
}

impl Settings {
    /// Members for a seed where none are asked for: mostly three, at times five, now and then one.
    #[must_use]
    pub fn for_seed(seed: u64) -> Self {
        let members = match seed % 10 {
            0 => 1,
            1..=3 => 5,
            _ => 3,
        };
        Self { members, breakage: None }
    }
}

/// The world of a seed, from beginning to end.
///
/// # Errors
/// The invariant that did not hold, with what had happened.
pub fn run(seed: u64, settings: Settings) -> Result<Account, Violation> {
    world::World::new(seed, settings.members, settings.breakage).run()
}

/// The worlds of many seeds, on as many threads as there are cores; the first violation ends it.
///
/// # Errors
/// As [`run`].
pub fn run_all(
    seeds: std::ops::Range<u64>,
    settings: impl Fn(u64) -> Settings + Sync,
) -> Result<Account, Violation> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let share = |thread: u64| {
        let seeds = seeds.clone().skip(usize::try_from(thread).unwrap_or(0));
        let mut seeds = seeds.step_by(usize::try_from(threads).unwrap_or(1));
        seeds.try_fold(Account::default(), |sum, seed| Ok(sum.plus(run(seed, settings(seed))?)))
    };
    std::thread::scope(|scope| {
        let share = &share;
        let workers: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || share(thread))).collect();
        let shares = workers.into_iter().map(|worker| worker.join().expect("a world panicked"));
        shares.reduce(|left, right| Ok(left?.plus(right?))).expect("there is a thread")
    })
}

impl Account {
    fn plus(self, other: Self) -> Self {
        Self {
            acknowledged: self.acknowledged + other.acknowledged,
            reads: self.reads + other.reads,
            unknown: self.unknown + other.unknown,
            elections: self.elections + other.elections,
            snapshots: self.snapshots + other.snapshots,
            crashes: self.crashes + other.crashes,
        }
    }
}

impl std::fmt::Display for Violation {
    /// The command that replays it comes last.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "seed {}: not so: {}: {}", self.seed, self.invariant, self.why)?;
        for line in &self.trace {
            writeln!(out, "  {line}")?;
        }
        write!(out, "replay: cargo run -p chaos-sim -- --seed {}", self.seed)
    }
}

impl std::error::Error for Violation {}
