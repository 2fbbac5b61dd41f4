//! Durable signed record writes: the first target of the project.
//! It decides the clients. It must never write one handle twice: that would be another work.

use anyhow::Result;

use super::{Run, records};
use crate::bench::{self, Case};
use crate::put;
use crate::report::whole;
use crate::stage::Role;

/// What the target is stated for.
pub(super) const CLIENTS: usize = 64;
/// Callers share connections, as they would in a service.
pub(super) const CONNECTIONS: usize = 8;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    let bytes = whole(records::BYTES as f64);
    let case = Case {
        work: "write",
        what: format!(
            "a new signed Pilox record of {bytes} B, gRPC PutRecord to the leader on \
             {CONNECTIONS} connections"
        ),
        durability: "synced to the disks of a majority of 3 members",
        against: Role::Registry,
    };
    let leader = run.stage.leader().await?;
    let clients = put::clients(&run.stage.world, &leader, CLIENTS, CONNECTIONS).await?;
    let mut floor = run.disk();
    let make = |count| run.records.pool(&run.stage.peer, count, records::BYTES);
    let figures =
        bench::measure((&run.stage, run.length), &case, clients, make, &mut floor).await?;
    run.note(&case, &figures, &floor)
}
