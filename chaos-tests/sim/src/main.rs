//! `chaos-sim`: runs worlds by seed. It must never pass over a violation.

use std::process::ExitCode;

use chaos_sim::{Breakage, Settings, run_all};
use clap::Parser as _;

/// Deterministic worlds of registry cores under faults.
#[derive(clap::Parser)]
struct Arguments {
    /// Only this world.
    #[arg(long, conflicts_with_all = ["from", "seeds"])]
    seed: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// Voters; by default the seed decides.
    #[arg(long)]
    members: Option<usize>,
    /// What to break on purpose.
    #[arg(long)]
    broken: Option<Breakage>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..seed + 1,
        None => arguments.from..arguments.from + arguments.seeds,
    };
    let settings = |seed| {
        let usual = Settings::for_seed(seed);
        let members = arguments.members.unwrap_or(usual.members).clamp(1, 9);
        Settings { members, breakage: arguments.broken }
    };
    match run_all(seeds.clone(), settings) {
        Ok(account) => {
            println!("seeds {} to {}: {account:?}", seeds.start, seeds.end - 1);
            ExitCode::SUCCESS
        }
        Err(violation) => {
            eprintln!("{violation}");
            ExitCode::FAILURE
        }
    }
}
