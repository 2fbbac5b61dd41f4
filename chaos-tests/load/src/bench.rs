//! One benchmark, measured: warmed up, then in turns with its baselines, then once more in an open loop.
//! It decides the order and length of turns. It must never compare figures that were not taken in
//! turns.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::baseline::{Baseline, Rate};
use crate::drive::{self, Client, Pace, Pool, Tally};
use crate::environment::Environment;
use crate::usage::{Role, Used};

/// Benchmark and baseline alternate so often: A B A B.
const ROUNDS: u32 = 2;
/// Requests for the warm-up, by which the rate becomes known.
const WARM_UP: usize = 2_000;
/// A turn may turn out so much faster than the one before without running dry.
const HEADROOM: f64 = 1.5;
/// Requests made beforehand at most: some 200 MiB of records.
const POOL_MAX: usize = 100_000;
/// The open loop's share of the closed loop's rate: busy, and not at the edge where waits grow
/// without end.
pub(crate) const OPEN_SHARE: f64 = 0.5;

/// What is measured, in words that stand beside the figures.
pub(crate) struct Case {
    /// Its name in the output.
    pub(crate) benchmark: &'static str,
    /// What one request does and carries.
    pub(crate) what: String,
    /// What an answer promises about disks.
    pub(crate) durability: &'static str,
    /// Whose CPU time is held against a baseline per CPU second.
    pub(crate) against: Role,
}

/// What came out.
pub(crate) struct Figures {
    /// How many clients.
    pub(crate) clients: usize,
    /// All closed turns.
    pub(crate) closed: Tally,
    /// Their length in seconds.
    pub(crate) seconds: f64,
    /// CPU time and context switches in them.
    pub(crate) used: Used,
    /// The rate of the open loop, and its answers.
    pub(crate) open: (f64, Tally),
    /// The turns of each baseline.
    pub(crate) baselines: Vec<Rate>,
}

impl Figures {
    fn none(clients: usize) -> Self {
        Self {
            clients,
            closed: Tally::new(),
            seconds: 0.0,
            used: Used::default(),
            open: (0.0, Tally::new()),
            baselines: Vec::new(),
        }
    }

    /// Good answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.closed.done() as f64 / self.seconds
    }

    /// Good answers for each CPU second; none if less than a tick was used.
    pub(crate) fn per_cpu(&self, seconds: f64) -> Option<f64> {
        (seconds > 0.0).then(|| self.closed.done() as f64 / seconds)
    }

    /// CPU time of one answer in microseconds, of some role or of all.
    pub(crate) fn cpu_us(&self, seconds: f64) -> f64 {
        self.each(seconds * 1e6)
    }

    /// What one answer has of a sum over all.
    pub(crate) fn each(&self, sum: f64) -> f64 {
        sum / self.closed.done().max(1) as f64
    }

    /// The benchmark's figure over a baseline's, both per second or both per CPU second.
    pub(crate) fn ratio(&self, case: &Case, baseline: &Baseline, rate: &Rate) -> Option<f64> {
        let figure = match baseline.per_cpu() {
            true => self.per_cpu(self.used.of(case.against))?,
            false => self.rate(),
        };
        Some(figure / rate.rate(baseline.per_cpu()))
    }

    /// In how many of a baseline's median times an answer comes, in the median; none if it has no times.
    pub(crate) fn in_its_p50(&self, rate: &Rate) -> Option<f64> {
        let its = rate.latency.as_ref().map(Tally::p50_us).filter(|its| *its > 0.0)?;
        Some(self.closed.p50_us() / its)
    }

    /// For how much of a baseline's CPU time all servers together give an answer; none if less than a tick was used.
    pub(crate) fn in_its_cpu(&self, rate: &Rate) -> Option<f64> {
        Some(self.cpu_us(self.used.servers()) / rate.cpu_us()?)
    }
}

/// Measures a benchmark; `make` gives a pool of so many requests.
///
/// # Errors
/// No request succeeds, or the baseline fails.
pub(crate) async fn measure<C: Client>(
    (environment, length): (&Environment, Duration),
    case: &Case,
    clients: Vec<C>,
    mut make: impl FnMut(usize) -> Result<Pool<C::Request>>,
    baselines: &mut [&mut Baseline],
) -> Result<Figures> {
    let (count, mut figures) = (clients.len(), Figures::none(clients.len()));
    figures.baselines.resize_with(baselines.len(), Rate::default);
    let (mut clients, mut rate) = warm_up(case, clients, make(WARM_UP)?, length / 2).await?;
    for _ in 0..ROUNDS {
        clients =
            closed(environment, clients, make(pool_size(rate, length))?, length, &mut figures)
                .await?;
        rate = rate.max(figures.rate());
        for (baseline, so_far) in baselines.iter_mut().zip(&mut figures.baselines) {
            baseline.turn(count, length / 2, so_far).await?;
        }
    }
    let rate = figures.rate() * OPEN_SHARE;
    let pool = make(pool_size(rate, length))?;
    let (_, turn) = drive::run(clients, pool, Pace::Open(rate), length).await?;
    figures.open = (rate, turn.tally);
    Ok(figures)
}

async fn warm_up<C: Client>(
    case: &Case,
    clients: Vec<C>,
    pool: Pool<C::Request>,
    length: Duration,
) -> Result<(Vec<C>, f64)> {
    let (clients, turn) = drive::run(clients, pool, Pace::Closed, length).await?;
    if turn.tally.done() == 0 {
        bail!("{}: nothing succeeds: {}", case.benchmark, turn.tally.why.unwrap_or_default());
    }
    Ok((clients, turn.tally.done() as f64 / turn.elapsed.as_secs_f64()))
}

async fn closed<C: Client>(
    environment: &Environment,
    clients: Vec<C>,
    pool: Pool<C::Request>,
    length: Duration,
    figures: &mut Figures,
) -> Result<Vec<C>> {
    let before = environment.sample()?;
    let (clients, turn) = drive::run(clients, pool, Pace::Closed, length).await?;
    figures.used.add_between(&before, &environment.sample()?);
    figures.seconds += turn.elapsed.as_secs_f64();
    figures.closed.add(turn.tally);
    Ok(clients)
}

fn pool_size(rate: f64, length: Duration) -> usize {
    // A rate is finite and positive here, and the cast saturates.
    ((rate * length.as_secs_f64() * HEADROOM) as usize).clamp(WARM_UP, POOL_MAX)
}
