//! Federated calls: a peer's token, the gateway, the registry, a node, a guest, and back.
//! It decides the input. It must never use a token twice, nor call a task done before it is.

use anyhow::Result;
use chaos_cluster::peer::{self, Peer};
use http::{Method, StatusCode};
use serde_json::json;

use super::run::Run;
use crate::baseline::Baseline;
use crate::bench::{self, Case};
use crate::drive::Pool;
use crate::environment::{AGENT, Role, is_completed};
use crate::web::{self, Shot};

/// Few, because each holds a task on a node of few slots.
const CLIENTS: usize = 16;
/// A paragraph: an agent's usual input, and little work for the guest.
const TEXT: &str = "A registry keeps what peers have signed. A gateway stands at the edge and lets \
    in only what a key, a policy and a reputation allow. A node runs the task that was routed to it, \
    under a lease that ends by itself. Whoever holds an older lease is refused, so that an outcome is \
    committed once. A peer that was set up by strangers can find an agent, trust what was proven about \
    it, and call it without asking anybody for a favour.";

pub(super) async fn run(run: &mut Run) -> Result<()> {
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
    let expected = |status: StatusCode, body: &[u8]| is_completed(status.as_u16(), body);
    let clients = web::clients(run.environment.gateway(), CLIENTS, expected).await?;
    let (peer, gateway) = (&run.environment.peer, run.environment.gateway());
    let make =
        |count| (0..count).map(|_| shot(peer, gateway)).collect::<Result<_>>().map(Pool::once);
    let mut baselines = [Baseline::Verify];
    let figures =
        bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
            .await?;
    run.note(&case, &figures, &baselines)
}

fn shot(peer: &Peer, gateway: &str) -> Result<Shot> {
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
