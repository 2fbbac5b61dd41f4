//! How the cost of a read grows with the directory, and that of a write with the record.
//! It decides the sizes. It must run before other benchmarks fill the directory.

use anyhow::{Result, bail};

use super::read::Answer;
use super::run::Run;
use super::{read, records, write};
use crate::drive::{self, Client, Pace, Pool};
use crate::put::{self, CONNECTIONS};
use crate::series::{self, Point};
use crate::usage::{Role, Used};

/// Records in the directory, ×1 and ×10. The benchmarks that follow add tens of thousands.
const DIRECTORY: [usize; 2] = [1_000, 10_000];
/// Bytes of a record, ×1 and ×10.
const DOCUMENT: [usize; 2] = [records::BYTES, 10 * records::BYTES];
/// Enough for a turn of some seconds; a turn ends with the last.
const WRITES: usize = 10_000;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    let mut points = Vec::new();
    for size in DIRECTORY {
        let made = run.records.made();
        read::fill(run, size - usize::try_from(made)?).await?;
        let (clients, shots) = read::reader(run, 0..run.records.made(), Answer::Whole).await?;
        let cost_us = cost(run, clients, Pool::again(shots)).await?;
        points.push(Point { size, cost_us });
    }
    series::print("GET of each record in turn, by records in the directory", "records", &points)?;
    points.clear();
    for size in DOCUMENT {
        let leader = run.environment.leader().await?;
        let clients =
            put::clients(&run.environment.world, &leader, write::CLIENTS[0], CONNECTIONS).await?;
        let pool = run.records.pool(&run.environment.peer, WRITES, size)?;
        points.push(Point { size, cost_us: cost(run, clients, pool).await? });
    }
    series::print("durable write of a signed record, by its size", "bytes", &points)
}

/// What one request costs all members together, in a closed loop of half a turn.
///
/// # Errors
/// Nothing succeeds.
pub(super) async fn cost<C: Client>(
    run: &Run,
    clients: Vec<C>,
    pool: Pool<C::Request>,
) -> Result<f64> {
    let before = run.environment.sample()?;
    let (_, turn) = drive::run(clients, pool, Pace::Closed, run.length / 2).await?;
    let mut used = Used::default();
    used.add_between(&before, &run.environment.sample()?);
    match turn.tally.done() {
        0 => bail!("nothing succeeds: {}", turn.tally.why.unwrap_or_default()),
        done => Ok(used.of(Role::Registry) * 1e6 / done as f64),
    }
}
