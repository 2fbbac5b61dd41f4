//! Durable signed record writes: the first target of the project, held against etcd.
//! It decides the clients. It must never write one handle twice: that would be another benchmark.

use anyhow::{Context as _, Result};
use proto_wire::registry::v1::StatusRequest;

use super::records;
use super::run::Run;
use crate::baseline::Baseline;
use crate::baseline::etcd::Etcd;
use crate::bench::{self, Case};
use crate::drive::{self, Pace};
use crate::environment::Role;
use crate::put::{self, CONNECTIONS};
use crate::report::whole;

/// What the target is stated for, first.
pub(super) const CLIENTS: [usize; 2] = [64, 256];

pub(super) async fn run(run: &mut Run, etcd: Etcd) -> Result<()> {
    let bytes = whole(records::BYTES as f64);
    let case = Case {
        benchmark: "write",
        what: format!(
            "a new signed Pilox record of {bytes} B, verified, gRPC PutRecord to the leader on \
             {CONNECTIONS} connections"
        ),
        durability: "synced to the disks of a majority of 3 members",
        against: Role::Registry,
    };
    let mut baselines = [run.disk(), Baseline::Etcd(etcd)];
    for count in CLIENTS {
        let leader = run.environment.leader().await?;
        let clients = put::clients(&run.environment.world, &leader, count, CONNECTIONS).await?;
        let make = |count| run.records.pool(&run.environment.peer, count, records::BYTES);
        let figures =
            bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
                .await?;
        run.note(&case, &figures, &baselines)?;
        shared(run, count).await?;
    }
    Ok(())
}

/// Prints how many writes share one entry of the log, which is what group commit saves.
async fn shared(run: &mut Run, clients: usize) -> Result<()> {
    let leader = run.environment.leader().await?;
    let callers = put::clients(&run.environment.world, &leader, clients, CONNECTIONS).await?;
    let pool = run.records.pool(&run.environment.peer, SAMPLE, records::BYTES)?;
    let before = log_index(run, &leader).await?;
    let (_, turn) = drive::run(callers, pool, Pace::Closed, run.length).await?;
    let entries = log_index(run, &leader).await?.saturating_sub(before).max(1);
    let each = turn.tally.done() as f64 / entries as f64;
    println!("  group commit {each:.1} writes share a log entry, at {clients} clients");
    Ok(())
}

/// Writes looked at, enough for some hundred entries.
const SAMPLE: usize = 5_000;

async fn log_index(run: &Run, leader: &str) -> Result<u64> {
    let mut directory = run.environment.world.operator_at(leader).await?.directory;
    let status = directory.status(StatusRequest::default()).await.context("no status")?;
    Ok(status.into_inner().last_log_index)
}
