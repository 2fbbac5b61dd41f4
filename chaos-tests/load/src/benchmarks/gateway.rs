//! The benchmarks of a gateway before attached agents: members, one gateway, and one server that does next to nothing.
//! It decides what stands beside them. It must never start a server once the generator has left the servers' cores.

mod bound;
mod connections;
mod federated;
mod latency;

use std::time::Duration;

use anyhow::Result;

use super::Name;
use super::run::Run;
use crate::baseline::Baseline;
use crate::baseline::proxy::Proxy;
use crate::baseline::upstream::Upstream;
use crate::environment::{Environment, MEMBERS};

/// Runs those that are named, in their order: memory is looked at before the gateway has had any load. The answer says whether
/// they were steady.
///
/// # Errors
/// A server does not come up, or a benchmark does not run at all.
pub(super) async fn run(length: Duration, names: &[Name], shared: bool) -> Result<bool> {
    let upstream = Upstream::start()?;
    let environment = Environment::attached(MEMBERS, upstream.url()).await?;
    let mut others = Vec::new();
    if names.iter().any(|name| matches!(name, Name::Federated | Name::Bound)) {
        others = proxies(&environment, &upstream).await;
    }
    let mut run = Run::begin(environment, length, shared)?;
    for name in names {
        match name {
            Name::Connections => connections::run(&mut run).await?,
            Name::Federated => federated::run(&mut run, &mut others).await?,
            Name::Bound => bound::run(&mut run, &mut others).await?,
            Name::Latency => latency::run(&mut run, &upstream).await?,
            // None of a gateway.
            _ => {}
        }
    }
    run.end()
}

/// Those that start; of the others it is said why they are missing.
async fn proxies(environment: &Environment, upstream: &Upstream) -> Vec<Baseline> {
    let path = |name| environment.world.path(name);
    let started = [
        ("the prototype", Proxy::prototype(upstream)),
        ("nginx", Proxy::nginx(&path("nginx"), upstream).await),
        ("Envoy", Proxy::envoy(&path("envoy"), upstream).await),
    ];
    let mut there = Vec::new();
    for (name, proxy) in started {
        match proxy {
            Ok(proxy) => there.push(Baseline::Proxy(Box::new(proxy))),
            Err(error) => println!("federated: NOT beside {name}: {error:#}"),
        }
    }
    there
}
