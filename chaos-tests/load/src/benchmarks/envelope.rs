//! Publishing of WAN envelopes: accepted once it is durable.
//! It decides the targets. It must never let one queue fill up: a refusal is quick, and flatters.

use anyhow::Result;
use chaos_cluster::peer::Peer;
use http::{Method, StatusCode};
use serde_json::json;

use super::commits;
use super::run::Run;
use crate::baseline::Baseline;
use crate::bench::{self, Case};
use crate::drive::Pool;
use crate::environment::Environment;
use crate::usage::Role;
use crate::web::{self, Shot, Web};

/// Half of those of the durable write, as each costs a token besides; and as many, for which the target is stated.
const CLIENTS: [usize; 2] = [32, 64];
/// A queue takes 10,000 waiting envelopes of one sender; nobody pulls here, and a run sends fewer than that to
/// each of these.
const TARGETS: usize = 256;
/// What the sender says; the envelope around it has some 250 B more.
const PAYLOAD_BYTES: usize = 768;

pub(super) async fn run(run: &mut Run, etcd: &mut Baseline) -> Result<()> {
    let case = Case {
        benchmark: "envelope",
        what: format!(
            "a WAN envelope (v1) with {PAYLOAD_BYTES} B of payload, POST /v1/publish, a fresh \
             plain token each"
        ),
        durability: "token and envelope each synced to the disks of a majority of 3 members",
        against: Role::Gateway,
    };
    let mut disk = run.disk();
    let mut baselines = [&mut disk, etcd];
    for count in CLIENTS {
        let clients = publishers(&run.environment, count).await?;
        let make = |count| envelopes(&run.environment, count);
        let figures =
            bench::measure((&run.environment, run.length), &case, clients, make, &mut baselines)
                .await?;
        run.note(&case, &figures, &baselines)?;
        let clients = publishers(&run.environment, count).await?;
        let pool = envelopes(&run.environment, commits::SAMPLE)?;
        commits::print(run, case.benchmark, clients, pool).await?;
    }
    Ok(())
}

async fn publishers(environment: &Environment, count: usize) -> Result<Vec<Web>> {
    let expected = |status: StatusCode, _: &[u8]| status == StatusCode::ACCEPTED;
    web::clients(environment.gateway(), count, expected).await
}

fn envelopes(environment: &Environment, count: usize) -> Result<Pool<Shot>> {
    let (peer, gateway) = (&environment.peer, environment.gateway());
    let envelope = |number| envelope(peer, gateway, number);
    (0..count).map(envelope).collect::<Result<_>>().map(Pool::once)
}

fn envelope(peer: &Peer, gateway: &str, number: usize) -> Result<Shot> {
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
