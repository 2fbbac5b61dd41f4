//! The benchmarks, in their order, each against its baseline.
//! It decides the order, and which servers are started. It must never run one whose environment is not up.

mod call;
mod envelope;
mod million;
mod mixed;
mod read;
mod records;
mod run;
mod search;
mod sizes;
mod write;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use self::run::Run;
use crate::baseline::Baseline;
use crate::baseline::etcd::Etcd;
use crate::baseline::hello::{Hello, Kind};
use crate::cores;
use crate::environment::Environment;

/// A benchmark's name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// How costs grow with sizes.
    Sizes,
    /// Durable signed record writes.
    Write,
    /// Hot reads of one record.
    Read,
    /// Writes, strong reads and stale reads at every member at once.
    Mixed,
    /// Searches over many cards.
    Search,
    /// Federated calls of a hosted agent.
    Call,
    /// Publishing of envelopes.
    Envelope,
    /// Memory, disk and restart with many records; only by name or with `--records`.
    Records,
}

/// How large the large benchmarks are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Cards that are searched.
    pub(crate) cards: usize,
    /// Records of the last benchmark; none leaves it out.
    pub(crate) records: usize,
}

/// Servers that are no members of ours.
#[derive(Default)]
struct BaselineServers {
    web: Vec<Baseline>,
    etcd: Option<Etcd>,
}

/// Runs the named benchmarks, or all; the code says whether every answer, but a few, was good.
///
/// # Errors
/// The servers do not come up, or a benchmark does not run at all.
pub(crate) async fn run(
    length: Duration,
    only: &[Name],
    shared: bool,
    sizes: Sizes,
) -> Result<ExitCode> {
    let wanted = |name: &Name| only.is_empty() || only.contains(name);
    let names: Vec<_> = Name::value_variants().iter().copied().filter(wanted).collect();
    // Before the generator leaves the servers' cores, so that all servers have them.
    let mut servers = BaselineServers::default();
    servers.start_web(&names).await?;
    let calls = names.iter().any(|name| [Name::Call, Name::Envelope].contains(name));
    let environment = Environment::set(calls).await?;
    if names.contains(&Name::Write) {
        servers.etcd = Some(Etcd::start(&environment.world.path("etcd")).await?);
    }
    let placed = cores::leave_servers_alone(shared);
    println!("{}, {} build; {placed}", environment.words(), build());
    let mut run = Run::new(environment, length)?;
    for name in names {
        perform(&mut run, name, &mut servers, sizes).await?;
    }
    run.environment.world.stop()?;
    Ok(if run.steady { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn perform(
    run: &mut Run,
    name: Name,
    servers: &mut BaselineServers,
    sizes: Sizes,
) -> Result<()> {
    match (name, servers.etcd.take()) {
        (Name::Sizes, etcd) => {
            servers.etcd = etcd;
            sizes::run(run).await
        }
        (Name::Write, Some(etcd)) => write::run(run, etcd).await,
        (Name::Read, _) => read::run(run, &mut servers.web).await,
        (Name::Mixed, _) => mixed::run(run).await,
        (Name::Search, _) => search::run(run, sizes.cards, &mut servers.web).await,
        (Name::Call, _) => call::run(run).await,
        (Name::Envelope, _) => envelope::run(run).await,
        (Name::Records, _) if sizes.records > 0 => million::run(run, sizes.records).await,
        (Name::Write | Name::Records, _) => Ok(()),
    }
}

impl BaselineServers {
    async fn start_web(&mut self, names: &[Name]) -> Result<()> {
        if names.contains(&Name::Read) || names.contains(&Name::Search) {
            for kind in [Kind::Hyper, Kind::Axum] {
                self.web.push(Baseline::Hello(Hello::start(kind, read::CLIENTS).await?));
            }
        }
        Ok(())
    }
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "development (figures say little)" } else { "release" }
}
