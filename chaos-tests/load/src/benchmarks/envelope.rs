//! Publishing of WAN envelopes: accepted once it is durable.
//! It decides the targets. It must never let one queue fill up: a refusal is quick, and flatters.

use anyhow::Result;
use chaos_cluster::peer::Peer;
use http::{Method, StatusCode};
use serde_json::json;

use super::run::Run;
use crate::bench::{self, Case};
use crate::drive::Pool;
use crate::environment::Role;
use crate::web::{self, Shot};

/// Half of those of the durable write: each costs a token besides.
const CLIENTS: usize = 32;
/// A queue takes 10,000 waiting envelopes; nobody pulls here, and a run sends fewer than that to
/// each of these.
const TARGETS: usize = 256;
/// What the sender says; the envelope around it has some 250 B more.
const PAYLOAD_BYTES: usize = 768;

pub(super) async fn run(run: &mut Run) -> Result<()> {
    let case = Case {
        benchmark: "envelope",
        what: format!(
            "a WAN envelope (v1) with {PAYLOAD_BYTES} B of payload, POST /v1/publish, a fresh \
             plain token each"
        ),
        durability: "token and envelope each synced to the disks of a majority of 3 members",
        against: Role::Gateway,
    };
    let clients = web::clients(run.environment.gateway(), CLIENTS, |status, _| {
        status == StatusCode::ACCEPTED
    })
    .await?;
    let (peer, gateway) = (&run.environment.peer, run.environment.gateway());
    let make = |count| {
        (0..count).map(|number| shot(peer, gateway, number)).collect::<Result<_>>().map(Pool::once)
    };
    let mut baselines = [run.disk()];
    let figures =
        bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
            .await?;
    run.note(&case, &figures, &baselines)
}

fn shot(peer: &Peer, gateway: &str, number: usize) -> Result<Shot> {
    let envelope = json!({
        "v": 1,
        "correlationId": uuid::Uuid::now_v7().to_string(),
        "sourceOrigin": peer.origin.as_str(),
        "targetHandle": format!("urn:pilox:agent:load:target:{:03}", number % TARGETS),
        "payload": { "text": "x".repeat(PAYLOAD_BYTES) },
    });
    let token = peer.token(gateway)?;
    web::shot(Method::POST, gateway, "/v1/publish", Some(&token), envelope.to_string().into())
}
