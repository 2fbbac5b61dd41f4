//! The calls of `federated` with tokens that are bound to the gateway, which spends them in its own memory, beside the same proxies.
//! It decides the nonce. It must never bind a turn's tokens to one that is about to become stale.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Method;

use super::federated::{CLIENTS, callers};
use crate::baseline::{Baseline, upstream};
use crate::bench::{self, Case};
use crate::benchmarks::run::Run;
use crate::drive::Pool;
use crate::environment::{ATTACHED, Environment};
use crate::usage::Role;
use crate::web::{self, Shot};

/// Far more than a gateway on this machine takes.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(run: &mut Run, others: &mut [Baseline]) -> Result<()> {
    let case = Case {
        benchmark: "bound",
        what: "A2A SendMessage (JSON-RPC) to an attached agent whose server answers at once, a fresh token each that is bound to \
               the gateway"
            .to_owned(),
        durability: "the token in the memory of the gateway; of the call nothing is kept",
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
    }
    Ok(())
}

/// So many calls of one agent, each with a token of its own.
fn calls(environment: &Environment, count: usize) -> Result<Pool<Shot>> {
    let (peer, gateway) = (&environment.peer, environment.gateway());
    let (path, nonce) = (format!("/agents/{}", ATTACHED[0]), nonce(gateway)?);
    let call = |_| {
        let body = upstream::request("SendMessage");
        let token = peer.bound_token(gateway, &nonce, &path, body.as_bytes())?;
        web::shot(Method::POST, gateway, &path, Some(&token), body.into())
    };
    (0..count).map(call).collect::<Result<_>>().map(Pool::once)
}

/// The nonce that the gateway gives now, to whoever shows no credential. It is good for two minutes and more.
fn nonce(gateway: &str) -> Result<String> {
    let address = gateway.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).context("the gateway takes no connection")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST /agents/{} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n{{}}",
        ATTACHED[0]
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let told = answer.lines().find_map(|line| line.strip_prefix("federation-nonce: "));
    told.map(str::to_owned).context("the gateway gives no nonce")
}
