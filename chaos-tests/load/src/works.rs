//! The works, in their order, each against its floor.
//! It decides what a good answer is. It must never count an answer that only looks like one.

mod call;
mod envelope;
mod million;
mod mixed;
mod read;
mod records;
mod search;
mod sizes;
mod write;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use self::records::Records;
use crate::bench::{Case, Figures};
use crate::cores;
use crate::floor::Floor;
use crate::floor::etcd::Etcd;
use crate::floor::hello::{Hello, Kind};
use crate::report;
use crate::stage::Stage;

/// More failures than this share of the answers are no measurement.
const FAILED_SHARE_MAX: f64 = 0.01;

/// A work's name on the command line.
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

/// How large the large works are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Cards that are searched.
    pub(crate) cards: usize,
    /// Records of the last work; none leaves it out.
    pub(crate) records: usize,
}

/// What all works share.
struct Run {
    stage: Stage,
    records: Records,
    length: Duration,
    steady: bool,
}

/// Servers that are no members of ours.
#[derive(Default)]
struct Opponents {
    web: Vec<Floor>,
    etcd: Option<Etcd>,
}

/// Runs the named works, or all; the code says whether every answer, but a few, was good.
///
/// # Errors
/// The servers do not come up, or a work does not run at all.
pub(crate) async fn run(
    length: Duration,
    only: &[Name],
    shared: bool,
    sizes: Sizes,
) -> Result<ExitCode> {
    let wanted = |name: &Name| only.is_empty() || only.contains(name);
    let names: Vec<_> = Name::value_variants().iter().copied().filter(wanted).collect();
    // Before the generator leaves the servers' cores, so that all servers have them.
    let mut opponents = Opponents::default();
    opponents.start_web(&names).await?;
    let calls = names.iter().any(|name| [Name::Call, Name::Envelope].contains(name));
    let stage = Stage::set(calls).await?;
    if names.contains(&Name::Write) {
        opponents.etcd = Some(Etcd::start(&stage.world.path("etcd")).await?);
    }
    let placed = cores::leave_servers_alone(shared);
    println!("{}, {} build; {placed}", stage.words(), build());
    let records = Records::new(&stage.peer)?;
    let mut run = Run { stage, records, length, steady: true };
    for name in names {
        perform(&mut run, name, &mut opponents, sizes).await?;
    }
    run.stage.world.stop()?;
    Ok(if run.steady { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn perform(run: &mut Run, name: Name, against: &mut Opponents, sizes: Sizes) -> Result<()> {
    match (name, against.etcd.take()) {
        (Name::Sizes, etcd) => {
            against.etcd = etcd;
            sizes::run(run).await
        }
        (Name::Write, Some(etcd)) => write::run(run, etcd).await,
        (Name::Read, _) => read::run(run, &mut against.web).await,
        (Name::Mixed, _) => mixed::run(run).await,
        (Name::Search, _) => search::run(run, sizes.cards, &mut against.web).await,
        (Name::Call, _) => call::run(run).await,
        (Name::Envelope, _) => envelope::run(run).await,
        (Name::Records, _) if sizes.records > 0 => million::run(run, sizes.records).await,
        (Name::Write | Name::Records, _) => Ok(()),
    }
}

impl Opponents {
    async fn start_web(&mut self, names: &[Name]) -> Result<()> {
        if names.contains(&Name::Read) || names.contains(&Name::Search) {
            for kind in [Kind::Hyper, Kind::Axum] {
                self.web.push(Floor::Hello(Hello::start(kind, read::CLIENTS).await?));
            }
        }
        Ok(())
    }
}

impl Run {
    /// Prints a work and remembers whether it was steady.
    ///
    /// # Errors
    /// A server has ended by itself.
    fn note(&mut self, case: &Case, figures: &Figures, floors: &[Floor]) -> Result<()> {
        report::work(case, figures, floors);
        for tally in [&figures.closed, &figures.open.1] {
            self.steady &= tally.failed as f64 <= tally.done() as f64 * FAILED_SHARE_MAX;
        }
        self.stage.world.check_alive()
    }

    /// The floor under durable works: the folder is that of the members' data.
    fn disk(&self) -> Floor {
        Floor::Append(self.stage.world.path("floor"))
    }
}

/// Whether an A2A answer is a completed task: JSON-RPC answers 200 to errors too.
pub(crate) fn is_completed(status: u16, body: &[u8]) -> bool {
    status == 200
        && std::str::from_utf8(body).is_ok_and(|text| text.contains("\"TASK_STATE_COMPLETED\""))
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "development (figures say little)" } else { "release" }
}
