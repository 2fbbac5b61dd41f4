//! The load run: real processes, closed and open loops, figures per CPU second beside baselines of the
//! same run.
//! It decides what is measured, and in which turns. It must never pass or fail on a time: machines
//! differ.

mod baseline;
mod bench;
mod benchmarks;
mod bounds;
mod cores;
mod descriptors;
mod drive;
mod environment;
mod put;
mod report;
mod series;
mod switches;
mod usage;
mod web;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use crate::baseline::hello::Kind;
use crate::baseline::{prototype, upstream};

/// Measures the servers under load, beside baselines of the same machine and minute.
#[derive(Debug, Parser)]
#[command(name = "chaos-load")]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// Seconds that each measured turn lasts; the whole run takes some hundred turns.
    #[arg(long, global = true, default_value_t = 4, value_parser = seconds())]
    seconds: u64,
    /// Let the load generator and the servers share all cores.
    #[arg(long, global = true)]
    shared_cores: bool,
    /// Cards that are searched: the largest of three sizes.
    #[arg(long, global = true, default_value_t = 100_000)]
    cards: usize,
    /// Records that are loaded to see what many take, and how soon members serve again; 1,000,000
    /// take some ten minutes.
    #[arg(long, global = true, default_value_t = 0)]
    records: usize,
    /// Only these benchmarks.
    #[arg(long, global = true, value_enum, value_delimiter = ',')]
    only: Vec<benchmarks::Name>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The run itself, once its cores and its environment are set; started by chaos-load.
    #[command(hide = true)]
    Measure,
    /// A bare hyper server that says hello; started by chaos-load.
    #[command(hide = true)]
    BaselineHttp,
    /// A bare axum server that says hello; started by chaos-load.
    #[command(hide = true)]
    BaselineAxum,
    /// A hyper server that answers calls as an agent does; started by chaos-load.
    #[command(hide = true)]
    Upstream,
    /// A proxy on hyper alone, with the checks of a gateway; started by chaos-load.
    #[command(hide = true)]
    Prototype(prototype::Settings),
}

/// Tokens are made before a turn and live for a minute.
fn seconds() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(1..=30)
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    match args.part {
        None => cores::start_measuring(args.shared_cores),
        Some(Part::Measure) => measure(&args),
        Some(Part::BaselineHttp) => serve(baseline::hello::serve(Kind::Hyper)),
        Some(Part::BaselineAxum) => serve(baseline::hello::serve(Kind::Axum)),
        Some(Part::Upstream) => serve(upstream::serve()),
        Some(Part::Prototype(settings)) => serve(prototype::serve(settings)),
    }
}

fn measure(args: &Args) -> Result<ExitCode> {
    let mut threads = Builder::new_multi_thread();
    if !args.shared_cores {
        // It will have one core.
        threads.worker_threads(1);
    }
    descriptors::raise()?;
    let sizes = benchmarks::Sizes { cards: args.cards, records: args.records };
    let length = Duration::from_secs(args.seconds);
    let run = benchmarks::run(length, &args.only, args.shared_cores, sizes);
    threads.enable_all().build()?.block_on(run)
}

fn serve(part: impl Future<Output = Result<()>>) -> Result<ExitCode> {
    Builder::new_multi_thread().enable_all().build()?.block_on(part)?;
    Ok(ExitCode::SUCCESS)
}
