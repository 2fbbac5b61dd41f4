//! Durable signed record writes: the first target of the project, held against etcd.
//! It decides the clients. It must never write one handle twice: that would be another benchmark.

use anyhow::Result;

use super::run::Run;
use super::{commits, records};
use crate::baseline::Baseline;
use crate::bench::{self, Case};
use crate::put::{self, CONNECTIONS};
use crate::report::whole;
use crate::usage::Role;

/// What the target is stated for, first.
pub(super) const CLIENTS: [usize; 2] = [64, 256];

pub(super) async fn run(run: &mut Run, etcd: &mut Baseline) -> Result<()> {
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
    let mut disk = run.disk();
    let mut baselines = [&mut disk, etcd];
    for count in CLIENTS {
        let leader = run.environment.leader().await?;
        let clients = put::clients(&run.environment.world, &leader, count, CONNECTIONS).await?;
        let make = |count| run.records.pool(&run.environment.peer, count, records::BYTES);
        let figures =
            bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
                .await?;
        run.note(&case, &figures, &baselines)?;
        let clients = put::clients(&run.environment.world, &leader, count, CONNECTIONS).await?;
        let pool = run.records.pool(&run.environment.peer, commits::SAMPLE, records::BYTES)?;
        commits::print(run, case.benchmark, clients, pool).await?;
    }
    Ok(())
}
