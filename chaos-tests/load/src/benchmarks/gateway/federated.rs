//! Federated calls of an attached agent with plain tokens, each spent through the cluster, beside other proxies to the same server.
//! It decides the call. It must never use a token twice, nor count an answer that is not the agent's.

use anyhow::Result;

use crate::baseline::Baseline;
use crate::baseline::upstream;
use crate::bench::{self, Case};
use crate::benchmarks::commits;
use crate::benchmarks::run::Run;
use crate::drive::Pool;
use crate::environment::{ATTACHED, Environment};
use crate::usage::Role;
use crate::web::{self, Shot, Web};

/// As many as targets are stated for, and four times as many, whose tokens share commits. One caller has at most 512 calls of an
/// agent open.
pub(super) const CLIENTS: [usize; 2] = [64, 256];

pub(super) async fn run(run: &mut Run, others: &mut [Baseline]) -> Result<()> {
    let case = Case {
        benchmark: "federated",
        what: "A2A SendMessage (JSON-RPC) to an attached agent whose server answers at once, a fresh plain token each, \
               spent through the cluster"
            .to_owned(),
        durability: "the token synced to the disks of a majority of 3 members; of the call nothing is kept",
        against: Role::Gateway,
    };
    let mut verify = Baseline::Verify;
    let mut baselines: Vec<&mut Baseline> = others.iter_mut().collect();
    baselines.push(&mut verify);
    for count in CLIENTS {
        let clients = callers(&run.environment, count).await?;
        let make = |count| calls(&run.environment, count);
        let figures =
            bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
                .await?;
        run.note(&case, &figures, &baselines)?;
        let clients = callers(&run.environment, count).await?;
        let pool = calls(&run.environment, commits::SAMPLE)?;
        commits::print(run, case.benchmark, clients, pool).await?;
    }
    Ok(())
}

/// So many clients of the gateway, each with a connection.
///
/// # Errors
/// It takes none.
pub(super) async fn callers(environment: &Environment, count: usize) -> Result<Vec<Web>> {
    web::clients(environment.gateway(), count, upstream::is_answer).await
}

/// So many calls of one agent, each with a token of its own.
///
/// # Errors
/// The gateway's origin is none.
pub(super) fn calls(environment: &Environment, count: usize) -> Result<Pool<Shot>> {
    let (peer, gateway) = (&environment.peer, environment.gateway());
    let path = format!("/agents/{}", ATTACHED[0]);
    let call = |_| upstream::call(gateway, &path, Some(&peer.token(gateway)?));
    (0..count).map(call).collect::<Result<_>>().map(Pool::once)
}
