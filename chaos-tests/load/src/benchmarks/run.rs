//! A run over the environment: what all benchmarks share.
//! It decides when a run was steady. It must never leave a benchmark unprinted that failed.

use std::time::Duration;

use anyhow::Result;

use super::records::Records;
use crate::baseline::Baseline;
use crate::bench::{Case, Figures};
use crate::drive::Tally;
use crate::environment::Environment;
use crate::{cores, report};

/// More failures than this share of the answers are no measurement.
const FAILED_SHARE_MAX: f64 = 0.01;

/// What all benchmarks share.
pub(super) struct Run {
    /// What they are run against.
    pub(super) environment: Environment,
    /// What they write.
    pub(super) records: Records,
    /// How long a measured turn lasts.
    pub(super) length: Duration,
    /// Whether every answer so far, but a few, was good.
    steady: bool,
}

impl Run {
    /// A run that has written nothing. All servers are up: from here on this process, and what it starts, has the
    /// generator's core, and that is printed.
    ///
    /// # Errors
    /// The peer's records would not be valid.
    pub(super) fn begin(environment: Environment, length: Duration, shared: bool) -> Result<Self> {
        let placed = cores::leave_servers_alone(shared);
        println!("\n{}, {} build; {placed}", environment.words(), build());
        let records = Records::new(&environment.peer)?;
        Ok(Self { environment, records, length, steady: true })
    }

    /// Stops the environment, and says whether every answer, but a few, was good.
    ///
    /// # Errors
    /// A process does not stop in order.
    pub(super) fn end(self) -> Result<bool> {
        self.environment.world.stop()?;
        Ok(self.steady)
    }

    /// Prints a benchmark and remembers whether it was steady.
    ///
    /// # Errors
    /// A server has ended by itself.
    pub(super) fn note(
        &mut self,
        case: &Case,
        figures: &Figures,
        baselines: &[&mut Baseline],
    ) -> Result<()> {
        report::benchmark(case, figures, baselines);
        for tally in [&figures.closed, &figures.open.1] {
            self.judge(tally);
        }
        self.environment.world.check_alive()
    }

    /// Remembers whether these answers, but a few, were good.
    pub(super) fn judge(&mut self, tally: &Tally) {
        self.steady &= tally.failed as f64 <= tally.done() as f64 * FAILED_SHARE_MAX;
    }

    /// The baseline under durable benchmarks: the folder is that of the members' data.
    pub(super) fn disk(&self) -> Baseline {
        Baseline::Append(self.environment.world.path("baseline"))
    }
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "development (figures say little)" } else { "release" }
}
