//! One client's durable writes at one member, one after the other: what a write costs that shares nothing with others.
//! It decides the environment, which is as small as a registry can be. It must never have a second request under way.

use std::time::Duration;

use anyhow::Result;

use super::records;
use super::run::Run;
use crate::bench::{self, Case};
use crate::environment::Environment;
use crate::put;
use crate::report::whole;
use crate::usage::Role;

/// Runs it in an environment of its own, in which nothing else takes time; the answer says whether it was steady.
///
/// # Errors
/// The member does not come up, or takes no write.
pub(super) async fn run(length: Duration, shared: bool) -> Result<bool> {
    let mut run = Run::begin(Environment::set(1, false).await?, length, shared)?;
    measure(&mut run).await?;
    run.end()
}

async fn measure(run: &mut Run) -> Result<()> {
    let bytes = whole(records::BYTES as f64);
    let case = Case {
        benchmark: "sequential",
        what: format!(
            "a new signed Pilox record of {bytes} B, verified, gRPC PutRecord to the only member on \
             one connection, each after the answer to the one before"
        ),
        durability: "synced to the disk of the only member",
        against: Role::Registry,
    };
    let leader = run.environment.leader().await?;
    let clients = put::clients(&run.environment.world, &leader, 1, 1).await?;
    let mut disk = run.disk();
    let mut baselines = [&mut disk];
    let make = |count| run.records.pool(&run.environment.peer, count, records::BYTES);
    let figures =
        bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
            .await?;
    run.note(&case, &figures, &baselines)
}
