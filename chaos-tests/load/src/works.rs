//! The works, in their order, each against its floor.
//! It decides what a good answer is. It must never count an answer that only looks like one.

mod call;
mod envelope;
mod read;
mod records;
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
use crate::floor::hello::Hello;
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
    /// Federated calls of a hosted agent.
    Call,
    /// Publishing of envelopes.
    Envelope,
}

/// What all works share.
struct Run {
    stage: Stage,
    records: Records,
    length: Duration,
    steady: bool,
}

/// Runs the named works, or all; the code says whether every answer, but a few, was good.
///
/// # Errors
/// The servers do not come up, or a work does not run at all.
pub(crate) async fn run(length: Duration, only: &[Name], shared: bool) -> Result<ExitCode> {
    let wanted = |name| only.is_empty() || only.contains(&name);
    // Before the generator leaves the servers' cores, so that this server has them too.
    let hello = Hello::start(read::CLIENTS).await?;
    let stage = Stage::set().await?;
    let placed = cores::leave_servers_alone(shared);
    println!("3 registry members, 1 gateway, 1 node on loopback, {} build; {placed}", build());
    let records = Records::new(&stage.peer)?;
    let mut run = Run { stage, records, length, steady: true };
    if wanted(Name::Sizes) {
        sizes::run(&mut run).await?;
    }
    if wanted(Name::Write) {
        write::run(&mut run).await?;
    }
    if wanted(Name::Read) {
        read::run(&mut run, hello).await?;
    }
    if wanted(Name::Call) {
        call::run(&mut run).await?;
    }
    if wanted(Name::Envelope) {
        envelope::run(&mut run).await?;
    }
    run.stage.world.stop()?;
    Ok(if run.steady { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    /// Prints a work and remembers whether it was steady.
    ///
    /// # Errors
    /// A server has ended by itself.
    fn note(&mut self, case: &Case, figures: &Figures, floor: &Floor) -> Result<()> {
        report::work(case, figures, floor);
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
