//! What a gateway adds to the time of a call: the same call in an open loop, through it and straight to the agent's server, in
//! turns at one rate.
//! It decides the rate. It must never compare latencies of different rates, nor of a closed loop.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::federated;
use crate::baseline::upstream::{self, Upstream};
use crate::bench::OPEN_SHARE;
use crate::benchmarks::run::Run;
use crate::drive::{self, Client, Pace, Pool, Tally};
use crate::environment::ATTACHED;
use crate::report;
use crate::web;

/// Each with a connection.
const CLIENTS: usize = 64;
/// The two ways alternate so often: A B A B.
const ROUNDS: u32 = 2;
/// Calls by which the greatest rate becomes known.
const PROBE: usize = 20_000;

pub(super) async fn run(run: &mut Run, server: &Upstream) -> Result<()> {
    let rate = greatest(run).await? * OPEN_SHARE;
    let length = run.length;
    // A turn's requests, and some more. The rate is finite and positive, and the cast saturates.
    let count = (rate * length.as_secs_f64() * 1.1) as usize + CLIENTS;
    let (mut through, mut straight) = (Tally::new(), Tally::new());
    for _ in 0..ROUNDS {
        let clients = federated::callers(&run.environment, CLIENTS).await?;
        let pool = federated::calls(&run.environment, count)?;
        through.add(open(clients, pool, rate, length).await?);
        let clients = web::clients(server.url(), CLIENTS, upstream::is_answer).await?;
        let path = format!("/{}", ATTACHED[0]);
        let pool = Pool::again(vec![upstream::call(server.url(), &path, None)?]);
        straight.add(open(clients, pool, rate, length).await?);
    }
    run.judge(&through);
    run.judge(&straight);
    print(rate, &through, &straight);
    run.environment.world.check_alive()
}

/// Calls a second in a closed loop.
async fn greatest(run: &Run) -> Result<f64> {
    let clients = federated::callers(&run.environment, CLIENTS).await?;
    let pool = federated::calls(&run.environment, PROBE)?;
    let (_, turn) = drive::run(clients, pool, Pace::Closed, run.length).await?;
    let done = turn.tally.done();
    ensure!(done > 0, "latency: nothing succeeds: {}", turn.tally.why.unwrap_or_default());
    Ok(done as f64 / turn.elapsed.as_secs_f64())
}

async fn open<C: Client>(
    clients: Vec<C>,
    pool: Pool<C::Request>,
    rate: f64,
    length: Duration,
) -> Result<Tally> {
    let (_, turn) = drive::run(clients, pool, Pace::Open(rate), length).await?;
    Ok(turn.tally)
}

fn print(rate: f64, through: &Tally, straight: &Tally) {
    let added = |quantile| added_us(through, straight, quantile);
    println!(
        "\nlatency: A2A SendMessage to an attached agent, a fresh plain token each, in an open loop of {} clients at half of the \
         greatest rate",
        report::whole(CLIENTS as f64)
    );
    println!("  gateway      {}", report::loop_line(rate, through));
    println!("  server alone {}", report::loop_line(rate, straight));
    println!(
        "  added        p50 {:.2} ms   p99 {:.2} ms: the one percentile less the other",
        added(0.5) / 1_000.0,
        added(0.99) / 1_000.0
    );
    for (name, tally) in [("gateway", through), ("server alone", straight)] {
        if let Some(why) = &tally.why {
            println!("  FAILED       {} by the way of {name}, the first: {why}", tally.failed);
        }
    }
    let figures = json!({
        "work": "latency", "clients": CLIENTS, "per_second": rate,
        "gateway": report::latency(through), "server_alone": report::latency(straight),
        "added_p50_us": added(0.5), "added_p99_us": added(0.99),
    });
    println!("{figures}");
}

/// The difference of two percentiles, which may be less than nothing where both are noise.
fn added_us(through: &Tally, straight: &Tally, quantile: f64) -> f64 {
    let at = |tally: &Tally| tally.latency_us.value_at_quantile(quantile) as f64;
    at(through) - at(straight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_the_difference_of_the_same_percentiles() {
        let tally = |fast_us: u64, slow_us: u64| {
            let mut tally = Tally::new();
            for at in 0..100 {
                tally.record(Duration::from_micros(if at < 90 { fast_us } else { slow_us }));
            }
            tally
        };
        let (through, straight) = (tally(500, 900), tally(200, 250));
        assert_eq!(added_us(&through, &straight, 0.5), 300.0);
        // The histogram keeps three digits.
        assert!((added_us(&through, &straight, 0.99) - 650.0).abs() < 2.0);
        assert_eq!(added_us(&straight, &through, 0.5), -300.0);
    }
}
