//! Federated calls: a peer's token, the gateway, the registry, a node, a guest, and back.
//! It decides the input. It must never use a token twice, nor call a task done before it is.

use anyhow::Result;
use chaos_cluster::peer::{self, Peer};
use http::{Method, StatusCode};
use serde_json::json;

use super::commits;
use super::run::Run;
use crate::baseline::Baseline;
use crate::bench::{self, Case};
use crate::drive::Pool;
use crate::environment::{AGENT, Environment, is_completed};
use crate::usage::Role;
use crate::web::{self, Shot, Web};

/// One, for what a call takes by itself; many, for what calls share. Each holds a slot of the node.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
/// A paragraph: an agent's usual input, and little work for the guest.
const TEXT: &str = "A registry keeps what peers have signed. A gateway stands at the edge and lets \
    in only what a key, a policy and a reputation allow. A node runs the task that was routed to it, \
    under a lease that ends by itself. Whoever holds an older lease is refused, so that an outcome is \
    committed once. A peer that was set up by strangers can find an agent, trust what was proven about \
    it, and call it without asking anybody for a favour.";

pub(super) async fn run(run: &mut Run, etcd: &mut Baseline) -> Result<()> {
    let case = Case {
        benchmark: "call",
        what: format!(
            "A2A SendMessage (JSON-RPC) of {} B of text to a hosted agent, a fresh plain token \
             each, through gateway, registry, node and guest, until the completed task is back",
            TEXT.len()
        ),
        durability: "token, task and outcome each synced to the disks of a majority of 3 members",
        against: Role::Gateway,
    };
    let (mut verify, mut disk) = (Baseline::Verify, run.disk());
    let mut baselines = [&mut verify, &mut disk, etcd];
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

async fn callers(environment: &Environment, count: usize) -> Result<Vec<Web>> {
    let expected = |status: StatusCode, body: &[u8]| is_completed(status.as_u16(), body);
    web::clients(environment.gateway(), count, expected).await
}

fn calls(environment: &Environment, count: usize) -> Result<Pool<Shot>> {
    let (peer, gateway) = (&environment.peer, environment.gateway());
    (0..count).map(|_| call(peer, gateway)).collect::<Result<_>>().map(Pool::once)
}

fn call(peer: &Peer, gateway: &str) -> Result<Shot> {
    let params = peer::message(TEXT, None);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params });
    let token = peer.token(gateway)?;
    web::shot(
        Method::POST,
        gateway,
        &format!("/agents/{AGENT}"),
        Some(&token),
        call.to_string().into(),
    )
}
