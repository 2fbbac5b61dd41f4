//! A run over the environment: what all benchmarks share.
//! It decides when a run was steady. It must never leave a benchmark unprinted that failed.

use std::time::Duration;

use anyhow::Result;

use super::records::Records;
use crate::baseline::Baseline;
use crate::bench::{Case, Figures};
use crate::environment::Environment;
use crate::report;

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
    pub(super) steady: bool,
}

impl Run {
    /// A run that has written nothing.
    ///
    /// # Errors
    /// The peer's records would not be valid.
    pub(super) fn new(environment: Environment, length: Duration) -> Result<Self> {
        let records = Records::new(&environment.peer)?;
        Ok(Self { environment, records, length, steady: true })
    }

    /// Prints a benchmark and remembers whether it was steady.
    ///
    /// # Errors
    /// A server has ended by itself.
    pub(super) fn note(
        &mut self,
        case: &Case,
        figures: &Figures,
        baselines: &[Baseline],
    ) -> Result<()> {
        report::benchmark(case, figures, baselines);
        for tally in [&figures.closed, &figures.open.1] {
            self.steady &= tally.failed as f64 <= tally.done() as f64 * FAILED_SHARE_MAX;
        }
        self.environment.world.check_alive()
    }

    /// The baseline under durable benchmarks: the folder is that of the members' data.
    pub(super) fn disk(&self) -> Baseline {
        Baseline::Append(self.environment.world.path("baseline"))
    }
}
